"""A real Slurm of two emulated nodes: the tables of one machine, whatever happens to node and time."""

import json
import re
import sys
import time
from pathlib import Path

import psutil
import pytest
from program import assert_same_results, glam_eval
from six_runs import SIX_RUNS, checkpointed
from slurm_cluster import running, why_not

from glam_eval.config.launching import SlurmConfig
from glam_eval.config.loading import load_suite
from glam_eval.core.leases import CLAIMS
from glam_eval.execution.study import write_suite
from glam_eval.launchers.base import Work
from glam_eval.launchers.slurm import SlurmLauncher, queued
from glam_eval.launchers.task import LIMIT_SIGNAL
from glam_eval.suites.status import study_status

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]
_SECONDS = 600  # for anything that takes one machine minutes


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes of one processor and two pretend GPUs each."""
    with running(tmp_path_factory.mktemp("slurm")) as made:
        yield made


@pytest.fixture
def six(tmp_path):
    path = tmp_path / "six.toml"
    path.write_text(SIX_RUNS.format(frames=8000))
    return path


def trained(out, run_id):
    """How far a run under way says it has got."""
    try:
        told = json.loads((out / ".alive" / run_id).read_text())["progress"]
    except (OSError, ValueError):
        return 0
    return told["frames"] if told else 0


def held_in_training(cluster, out, run_ids):
    """The processes of runs, each suspended once it has a checkpoint: however fast the machine, none ends."""
    held = {}

    def look():
        for run_id in set(run_ids) - set(held):
            if checkpointed(out, run_id):
                (claim,) = (out / CLAIMS / run_id).iterdir()
                held[run_id] = psutil.Process(json.loads(claim.read_text())["pid"])
                held[run_id].suspend()
        return len(held) == len(run_ids)

    cluster.wait_until(look, 600)
    return held


def ignores(process, number):
    """Whether a process ignores a signal, as a task does once that has come."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(re.search(r"SigIgn:\s*(\w+)", status)[1], 16) >> (number - 1) & 1)


def test_a_lost_node_and_a_time_limit_change_no_number(cluster, six, tmp_path):
    out, local = tmp_path / "slurm", tmp_path / "local"
    options = ("--launcher", "slurm", "--slurm", "group=0,warning=115")
    began = time.monotonic()
    done = glam_eval("run-suite", six, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    assert "6 runs are with Slurm" in done.stdout
    teachers = [each.run_id for each in load_suite(str(six)).graph if each.run_id.startswith("gflan")]
    workers = held_in_training(cluster, out, teachers)

    jobs = {run_id: queued(out)[run_id] for run_id in teachers}
    assert {job.node for job in jobs.values()} == {"node1", "node2"}
    ((limited, worker),) = (
        (jobs[each].job, workers[each]) for each in teachers if jobs[each].node == "node1"
    )
    (lost,) = (job.job for job in jobs.values() if job.node == "node2")
    assert study_status(out).counts() == {"running": 2, "queued": 4}
    cluster.lose("node2")
    minutes = int((time.monotonic() - began) / 60) + 2  # a warning of 115 s is then at once
    cluster.ask("scontrol", "update", f"jobid={limited}", f"timelimit={minutes}")
    cluster.wait_until(lambda: "Restarts=1" in cluster.ask("scontrol", "show", "job", lost), 60)
    cluster.bring_back("node2")
    cluster.wait_until(lambda: ignores(worker.parent(), LIMIT_SIGNAL), 120)
    worker.resume()
    cluster.wait_until(lambda: "Restarts=1" in cluster.ask("scontrol", "show", "job", limited), 240)
    cluster.ask("scontrol", "update", f"jobid={limited}", "timelimit=UNLIMITED")

    cluster.wait_until(lambda: not cluster.ask("squeue", "-h"), _SECONDS)
    logs = "\n".join(file.read_text() for file in (out / "logs").glob("slurm-*"))
    assert (out / "report.html").exists(), logs  # by the last job
    assert "6 runs: 6 finished" in glam_eval("status", out).stdout
    done = glam_eval("run-suite", six, "--out", local, "--workers", 2, timeout=_SECONDS)
    assert done.returncode == 0, done.stderr
    assert_same_results(local, out)


SEEING = """
import os, sys, time
with open(sys.argv[1] + "/seen", "a") as file:
    file.write(f"{os.environ['SLURMD_NODENAME']} {os.environ['CUDA_VISIBLE_DEVICES']}\\n")
until = time.monotonic() + 60
while len(open(sys.argv[1] + "/seen").readlines()) < 4 and time.monotonic() < until:
    time.sleep(0.1)  # so that all four are there at one time
"""


def test_each_task_sees_a_device_of_its_own(cluster, tiny_suite, tmp_path):
    """Four tasks at a time on four devices: nobody's device is another's."""
    suite = load_suite(str(tiny_suite), ["agents=[{agent='random'}]", "seeds=4"])
    out = tmp_path / "out"
    out.mkdir()
    write_suite(out, suite)
    cluster.ask("scontrol", "update", "partitionname=main", "oversubscribe=FORCE:4")
    launcher = SlurmLauncher(
        SlurmConfig(gres="gpu:1", group=0), "auto", wait=False, task=[sys.executable, "-c", SEEING]
    )
    work = Work(out, suite.graph, 1, 60.0, dict.fromkeys((run.run_id for run in suite.graph), 1.0))
    assert len(launcher.carry_out(work, lambda message: None).under_way) == 4
    cluster.wait_until(lambda: not cluster.ask("squeue", "-h"), 120)
    cluster.ask("scontrol", "update", "partitionname=main", "oversubscribe=NO")
    seen = (out / "seen").read_text().splitlines()
    assert sorted(seen) == ["node1 0", "node1 1", "node2 0", "node2 1"]


def test_cancelled_runs_go_on_from_their_checkpoints(cluster, six, tmp_path):
    six.write_text(SIX_RUNS.format(frames=200_000))  # more than they get to
    out = tmp_path / "out"
    options = ("--launcher", "slurm", "--slurm", "group=0", "--no-summary")
    assert glam_eval("run-suite", six, "--out", out, *options).returncode == 0
    teachers = [each.run_id for each in load_suite(str(six)).graph if each.run_id.startswith("gflan")]
    cluster.wait_until(lambda: all(trained(out, each) > 400 for each in teachers), _SECONDS)
    refused = glam_eval("run-suite", six, "--out", out)
    assert refused.returncode == 2 and "Slurm has 6 tasks" in refused.stderr
    again = glam_eval("run-suite", six, "--out", out, *options)  # all are given already
    assert again.returncode == 0 and len(queued(out)) == 6
    said = glam_eval("cancel", out).stdout
    assert "asked 2 runs under way" in said
    cluster.wait_until(lambda: not cluster.ask("squeue", "-h"), 120)
    for run_id in teachers:
        newest = max((out / "checkpoints" / run_id).glob("frames-*"))
        assert int(newest.name.removeprefix("frames-")) > 400
    told = glam_eval("status", out).stdout
    assert "6 runs: 6 owed" in told and "asked to stop" in told
