"""A run that asks Slurm for two devices is one data-parallel run of two ranks, both of which see them."""

import contextlib

import psutil
import pytest
from program import glam_eval
from slurm_cluster import running, why_not

from glam_eval.config.loading import load_suite
from glam_eval.results import load_results

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]
RANK = "glam_eval.training.crew_member"
CHOSEN = ("policy.devices=2", "seeds=1", "agents=[{agent='gflan', model='t5-pico'}]")


@pytest.fixture
def cluster(tmp_path):
    """Two nodes of two processors and two pretend GPUs each."""
    with running(tmp_path / "cluster", cpus=2) as made:
        yield made


def ranks_of(job):
    """What each other rank of a job's runs sees, by its number as a process."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            environment = process.environ() if RANK in process.cmdline() else {}
            if environment.get("SLURM_JOB_ID") == job:
                found[process.pid] = environment["CUDA_VISIBLE_DEVICES"]
    return found


def test_two_devices_of_a_task_are_one_run_of_two_ranks(cluster, tiny_suite, tmp_path):
    out = tmp_path / "out"
    settings = [each for chosen in CHOSEN for each in ("--set", chosen)]
    options = ("--launcher", "slurm", "--slurm", "gres=gpu:2", "--no-summary")
    refused = glam_eval(
        "run-suite", tiny_suite, "--out", out, *settings, *options[:2], "--slurm", "gres=gpu:1"
    )
    assert refused.returncode == 2 and "gres asks for 1 of them: give gres=gpu:2" in refused.stderr
    done = glam_eval("run-suite", tiny_suite, "--out", out, *settings, *options)
    assert done.returncode == 0, done.stderr

    jobs = [line.split() for line in cluster.ask("squeue", "-h", "-r", "-o", "%A %b").splitlines()]
    asked = {asks.replace("=", ":").rpartition("gres:")[2]: number for number, asks in jobs}
    assert set(asked) == {"gpu:2", "gpu:1"}  # the summary computes nothing that takes more than one
    job = asked["gpu:2"]
    seen = {}
    cluster.wait_until(lambda: seen.update(ranks_of(job)) or not cluster.ask("squeue", "-h"), 600)
    assert set(seen.values()) == {"0,1"} and len(seen) == 1, seen

    (row,) = load_results(str(out), table="runs").itertuples()
    (planned,) = load_suite(str(tiny_suite), list(CHOSEN)).graph
    assert row.status == "finished" and row.run_id == planned.run_id
    assert row.device == "cpu"  # no GPU behind those names: ranks compute where torch finds a device
