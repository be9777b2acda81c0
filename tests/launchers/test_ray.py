"""A real Ray of two nodes on this machine, one of which is killed: the tables of one machine."""

import json
import os
import subprocess
import time

import pytest
from program import assert_same_results, command, glam_eval
from six_runs import SIX_RUNS, checkpointed

from glam_eval.config.loading import load_suite

ray_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed")
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
_SECONDS = 600


@pytest.fixture
def cluster(monkeypatch):
    """A head and one more node, of one processor each."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    made = ray_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    made.shutdown()


def trained(out):
    """How far the runs under way say they have got, by run_id."""
    told = {}
    for file in (out / ".alive").glob("*") if (out / ".alive").is_dir() else ():
        try:
            told[file.name] = json.loads(file.read_text())["progress"]["frames"]
        except (OSError, ValueError, TypeError):
            continue
    return told


def test_a_killed_node_changes_no_number(cluster, tmp_path):
    suite, out, local = tmp_path / "six.toml", tmp_path / "ray", tmp_path / "local"
    suite.write_text(SIX_RUNS.format(frames=8000))
    teachers = [each.run_id for each in load_suite(str(suite)).graph if each.run_id.startswith("gflan")]
    second = cluster.add_node(num_cpus=1)
    arguments = ("--launcher", "ray", "--address", cluster.address)
    process = subprocess.Popen(
        command("run-suite", suite, "--out", out, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"RAY_AUTH_MODE": "disabled"},
    )
    while process.poll() is None and not all(checkpointed(out, each) for each in teachers):
        time.sleep(0.1)
    under_way = {file.name for file in (out / ".alive").iterdir()}
    cluster.remove_node(second, allow_graceful=False)
    assert under_way == set(teachers)  # one of them on either node
    said, errors = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, errors + said
    done = glam_eval("run-suite", suite, "--out", local, "--workers", 2, timeout=_SECONDS)
    assert done.returncode == 0, done.stderr
    assert_same_results(local, out)


def test_a_stop_from_elsewhere_ends_at_checkpoints(cluster, tmp_path):
    suite, out = tmp_path / "six.toml", tmp_path / "ray"
    suite.write_text(SIX_RUNS.format(frames=200_000))  # more than they get to
    process = subprocess.Popen(
        command("run-suite", suite, "--out", out, "--launcher", "ray", "--address", cluster.address),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not any(frames > 400 for frames in trained(out).values()):
        time.sleep(0.2)
    assert glam_eval("cancel", out).returncode == 0
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130 and "the same command continues" in errors
    assert any(
        int(path.name.removeprefix("frames-")) > 400 for path in (out / "checkpoints").glob("*/frames-*")
    )
