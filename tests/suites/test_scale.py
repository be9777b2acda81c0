"""What a study costs its file system grows with the number of its runs, not with the square of it."""

import json
import sys
from collections import Counter

import pytest
from program import READY
from tables import finish, zeros
from tiny_suite import TINY_SUITE

from glam_eval.config.launching import SlurmConfig
from glam_eval.config.loading import load_suite
from glam_eval.core.console import Console
from glam_eval.core.records import EpisodeRecord
from glam_eval.launchers import slurm
from glam_eval.results import write_table
from glam_eval.suites.run import run_suite
from glam_eval.suites.status import study_status

# What Python tells its auditors of (docs.python.org/3/library/audit_events.html).
OPERATIONS = {
    "open",
    *(f"os.{name}" for name in ("listdir", "scandir", "mkdir", "rename", "remove", "utime")),
}
CHOSEN = ["agents=[{agent='random'}]", "protocols=[{name='sample-efficiency', scenes=1, replays=0}]"]
SIZES = (10, 20, 40)
STEPS = ("launching", "status while queued", "status at the end", "the same command at the end")


def slurm_that_takes_all(program, *arguments):
    """Answer as a Slurm does that was given no job before, and keeps none."""
    return {"sbatch": "1\n", "scontrol": "MaxArraySize = 1001\n"}.get(program, "")


def count(tiny_suite, folder, answer):
    """Write down how many operations each step takes for suites of some sizes."""
    counts, at = Counter(), [""]

    def hear(event, arguments):
        if at[0] and event in OPERATIONS and str(arguments[0]).startswith(str(folder)):
            counts[at[0]] += 1

    def counted(step, do):
        at[0] = f"{step} {runs}"
        do()
        at[0] = ""

    slurm._ask, slurm.is_here = slurm_that_takes_all, lambda: True
    sys.addaudithook(hear)  # for good, which is why this is a process of its own
    launcher = slurm.SlurmLauncher(SlurmConfig(group=0), "cpu", wait=False)
    for runs in SIZES:
        suite, out = load_suite(str(tiny_suite), [*CHOSEN, f"seeds={runs}"]), folder / str(runs)

        def launch(suite=suite, out=out):
            return run_suite(suite, out, launcher, False, Console(quiet=True))

        counted(STEPS[0], launch)
        counted(STEPS[1], lambda out=out: study_status(out))
        for run in suite.runs():
            known = {"run_id": run.run_id, "protocol": "sample-efficiency", "shift": "none", "frames": 0}
            write_table(out, "episodes", [zeros(EpisodeRecord, **known)], run.run_id)
            finish(out, run.run_id)
        counted(STEPS[2], lambda out=out: study_status(out))
        counted(STEPS[3], launch)
    answer.write_text(json.dumps(counts))


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    """How many operations each step takes, by step and size."""
    folder = tmp_path_factory.mktemp("scale")
    (folder / "tiny.toml").write_text(TINY_SUITE)
    process = READY.Process(target=count, args=(folder / "tiny.toml", folder, folder / "counts.json"))
    process.start()
    process.join()
    assert process.exitcode == 0
    return json.loads((folder / "counts.json").read_text())


@pytest.mark.parametrize("step", STEPS)
def test_operations_grow_linearly(operations, step):
    few, more, many = (operations[f"{step} {runs}"] for runs in SIZES)
    assert few > 0 and many - more == 2 * (more - few) >= 0
