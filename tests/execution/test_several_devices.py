"""A study whose runs take two devices: a rank that is killed, whichever, costs nothing but time."""

import subprocess
import time

import psutil
import pytest
from program import assert_same_results, command
from tiny_suite import TINY_SUITE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
CHOSEN = ("--set", "policy.devices=2", "--set", "seeds=1", "--workers", "1", "--no-summary")


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "sharded"])
def unbroken(request, tmp_path_factory):
    """What begins a study of two ranks, whose models are whole or shared out, and its results undisturbed."""
    folder = tmp_path_factory.mktemp("unbroken")
    (folder / "tiny.toml").write_text(TINY_SUITE)
    chosen = (*CHOSEN, *(("--set", "policy.sharded=true") if request.param else ()))

    def begin(out):
        asked = command("run-suite", folder / "tiny.toml", "--out", out, *chosen)
        return subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    process = begin(folder / "out")
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return begin, folder / "out"


def other_rank_of(process):
    """The process of a program that is the second rank of its run, once it is there."""
    while process.poll() is None:
        for each in psutil.Process(process.pid).children(recursive=True):
            try:
                if "glam_eval.training.crew_member" in each.cmdline():
                    return each
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)
    raise AssertionError(process.communicate()[0])


def checkpointed(out):
    """Whether a run has stored how it stood after an update."""
    return any(int(each.name.removeprefix("frames-")) for each in out.glob("checkpoints/*/frames-*"))


@pytest.mark.parametrize("first", [False, True], ids=["another", "the first"])
def test_a_killed_rank_ends_all_and_changes_no_value(unbroken, first, tmp_path):
    begin, expected = unbroken
    process = begin(tmp_path / "killed")
    other = other_rank_of(process)
    ranks = [other.parent(), other]
    while not checkpointed(tmp_path / "killed"):
        assert process.poll() is None
        time.sleep(0.05)
    ranks[0 if first else 1].kill()
    _, left = psutil.wait_procs([other], timeout=60)
    assert not left
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert_same_results(expected, tmp_path / "killed")
