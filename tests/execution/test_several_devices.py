"""A study whose runs take two devices: a rank that is killed costs nothing but time."""

import subprocess
import time

import psutil
import pytest
from program import assert_same_results, command

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
CHOSEN = ("--set", "policy.devices=2", "--set", "seeds=1", "--workers", "1", "--no-summary")


def ranks_of(process):
    """The processes of a program that are other ranks of its runs."""
    found = []
    for each in psutil.Process(process.pid).children(recursive=True):
        try:
            found += [each] if "glam_eval.training.crew_member" in each.cmdline() else []
        except psutil.NoSuchProcess:
            continue
    return found


def test_a_killed_rank_changes_no_value(tiny_suite, tmp_path):
    for name in ("unbroken", "killed"):
        asked = command("run-suite", tiny_suite, "--out", tmp_path / name, *CHOSEN)
        process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        killed = 0
        while name == "killed" and not killed and process.poll() is None:
            for rank in ranks_of(process):
                time.sleep(3)
                rank.kill()
                killed += 1
            time.sleep(0.1)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        assert killed == (name == "killed")
    assert_same_results(tmp_path / "unbroken", tmp_path / "killed")
