"""How long launching, status and going on take for suites of many runs that sleep, on a Slurm or Ray here.

``PYTHONPATH=tests/results python tests/launchers/scale.py slurm|ray RUNS FOLDER``: prints seconds
a step, and asserts none.
"""

import os
import sys
import threading
import time
from pathlib import Path

from slurm_cluster import SlurmCluster
from tables import finish, zeros

from glam_eval.config.launching import SlurmConfig
from glam_eval.config.loading import make_suite
from glam_eval.core.console import Console
from glam_eval.core.records import EpisodeRecord
from glam_eval.execution.study import stop_file
from glam_eval.launchers.ray_tasks import RayLauncher
from glam_eval.launchers.slurm import SlurmLauncher, cancel
from glam_eval.results import write_table
from glam_eval.suites.run import run_suite, validate
from glam_eval.suites.status import study_status

TASK = str(Path(__file__).with_name("sleeping_task.py"))
SHARE = 20  # one run in so many has ended when the suite is cancelled


def suite_of(runs: int):
    return make_suite(
        {
            "name": "sleeping",
            "title": "Sleeping",
            "question": "How long does launching take?",
            "seeds": runs,
            "environment": {"level": "GoToLocalS5N2"},
            "agents": [{"agent": "random"}],
            "protocols": [{"name": "sample-efficiency", "scenes": 1}],
        }
    )


def prepare(out: Path, suite) -> None:
    """Make the rows of every run, for its task to put in their place."""
    for run in suite.runs():
        known = {"run_id": run.run_id, "protocol": "sample-efficiency", "shift": "none", "frames": 0}
        write_table(out, "episodes", [zeros(EpisodeRecord, **known)], run.run_id)
        finish(out, run.run_id)


def timed(what: str, do):
    began = time.perf_counter()
    answer = do()
    print(f"{what}: {time.perf_counter() - began:.1f} s", flush=True)
    return answer


def wait_for(out: Path, runs: int) -> None:
    while len(list((out / "runs").glob("*.parquet")) if (out / "runs").is_dir() else []) < runs:
        time.sleep(1)


def on_slurm(suite, out: Path, folder: Path, runs: int) -> None:
    cluster = SlurmCluster(folder / "cluster", largest=runs + 1)
    os.environ |= cluster.environment
    launcher = SlurmLauncher(SlurmConfig(group=0), "cpu", wait=False, task=[sys.executable, "-S", TASK])

    def launch():
        return run_suite(suite, out, launcher, False, Console(quiet=True))

    try:
        outcome = timed("submission", launch)
        assert len(outcome.under_way) == runs
        print("status:", timed("status while it goes on", lambda: study_status(out)).counts())
        wait_for(out, runs // SHARE)
        timed("cancel", lambda: cancel(out, now=True))
        cluster.wait_until(lambda: not cluster.ask("squeue", "-h"), 600)
        print("status:", timed("status after cancelling", lambda: study_status(out)).counts())
        print("going on:", len(timed("submission of what is left", launch).under_way), "runs")
        cluster.ask("scancel", "--user=root")
        cluster.wait_until(lambda: not cluster.ask("squeue", "-h"), 600)
    finally:
        cluster.stop()


def on_ray(suite, out: Path, runs: int) -> None:
    launcher = RayLauncher(None, "cpu", task=[TASK])

    def launch():
        return run_suite(suite, out, launcher, False, Console(quiet=True))

    def cancel_later():
        wait_for(out, runs // SHARE)
        print("status:", timed("status while it goes on", lambda: study_status(out)).counts())
        stop_file(out).touch()

    thread = threading.Thread(target=cancel_later)
    thread.start()
    timed(f"until {runs // SHARE} runs have ended, and to the stop", launch)
    thread.join()
    print("status:", timed("status after cancelling", lambda: study_status(out)).counts())
    print("ended:", len(timed("all that is left", launch).finished), "runs")


def main(engine: str, number: str, where: str) -> None:
    runs, folder = int(number), Path(where).resolve()
    out = folder / "out"
    suite = timed("the graph of the suite", lambda: (made := suite_of(runs), made.graph)[0])
    timed("checking it", lambda: validate(suite))
    timed("preparing its results (no part of launching)", lambda: prepare(folder / "prepared", suite))
    if engine == "slurm":
        on_slurm(suite, out, folder, runs)
    else:
        on_ray(suite, out, runs)


if __name__ == "__main__":
    main(*sys.argv[1:])
