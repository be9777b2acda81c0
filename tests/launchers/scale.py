"""How long launching, status and going on take for suites of many runs that sleep, on a Slurm or Ray here.

``PYTHONPATH=tests/results python tests/launchers/scale.py slurm|ray RUNS FOLDER``: prints seconds
a step, and asserts none.
"""

import os
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
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
from glam_eval.suites.run import run_suite
from glam_eval.suites.status import study_status
from glam_eval.suites.validation import validate

TASK = str(Path(__file__).with_name("sleeping_task.py"))
SHARE = 20  # one run in so many has ended when the suite is cancelled
PROCESSORS = 25  # of each node, as Slurm takes it: tasks that sleep leave this machine's to who launches


def suite_of(runs: int):
    return make_suite(
        {
            "name": "sleeping",
            "title": "Sleeping",
            "question": "How long does launching take?",
            "seeds": runs,
            "environment": {"level": "GoToLocalS5N2"},
            "agents": [{"agent": "random"}],
            "protocols": [{"name": "sample-efficiency", "scenes": 1, "replays": 0}],
        }
    )


def prepare(out: Path, suite) -> None:
    """Make the rows of every run, for its task to put in their place: the first run's, under other names."""
    first, *others = (run.run_id for run in suite.runs())
    known = {"run_id": first, "protocol": "sample-efficiency", "shift": "none", "frames": 0}
    write_table(out, "episodes", [zeros(EpisodeRecord, **known)], first)
    finish(out, first)
    for table in ("episodes", "runs"):
        rows = pq.read_table(out / table / f"{first}.parquet")
        place = rows.column_names.index("run_id")
        for run_id in others:  # without waiting for the disk each time
            renamed = rows.set_column(place, rows.field(place), pa.array([run_id]))
            pq.write_table(renamed, out / table / f"{run_id}.parquet")


def timed(what: str, do):
    began = time.perf_counter()
    answer = do()
    print(f"{what}: {time.perf_counter() - began:.1f} s", flush=True)
    return answer


def wait_for(out: Path, runs: int) -> None:
    while len(list((out / "runs").glob("*.parquet")) if (out / "runs").is_dir() else []) < runs:
        time.sleep(1)


def on_slurm(suite, out: Path, folder: Path, runs: int) -> None:
    cluster = SlurmCluster(folder / "cluster", PROCESSORS, largest=runs + 1)
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
    from ray.cluster_utils import Cluster

    os.environ["RAY_AUTH_MODE"] = "disabled"
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": PROCESSORS, "include_dashboard": False}
    )
    launcher = RayLauncher(cluster.address, "cpu", task=[TASK])

    def look(what: str, ended: int) -> None:
        timed(f"{what}, until one has ended", lambda: wait_for(out, ended + 1))
        wait_for(out, ended + runs // SHARE)
        print("status:", timed("status while it goes on", lambda: study_status(out)).counts())
        stop_file(out).touch()

    ended = 0
    try:
        for what in ("submission", "submission of what is left"):
            thread = threading.Thread(target=look, args=(what, ended))
            thread.start()
            timed(
                f"{what}, and to the stop",
                lambda: run_suite(suite, out, launcher, False, Console(quiet=True)),
            )
            thread.join()
            ended = timed("status after the stop", lambda: study_status(out)).counts()["finished"]
    finally:
        cluster.shutdown()


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
