"""File systems that are really full: it is said in a line, and gone on with once there is room."""

import os
import shutil
import subprocess

import pytest
from program import assert_same_results, glam_eval
from tiny_suite import TINY_SUITE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.getuid() != 0 or shutil.which("mount") is None, reason="only root can mount"),
]
SECONDS = 1200  # for one command, on a machine that is busy with other things too
AGENTS = "agents=[{agent='gflan',model='t5-pico'},{agent='random'}]"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """How a study is made, what one with all the room it needs holds, and how many KiB that are."""
    folder = tmp_path_factory.mktemp("full")
    (folder / "tiny.toml").write_text(TINY_SUITE)
    arguments = ("run-suite", folder / "tiny.toml", "--seeds", 1, "--workers", 2, "--set", AGENTS, "--out")
    done = glam_eval(*arguments, folder / "straight", timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    used = sum(file.stat().st_size for file in (folder / "straight").rglob("*")) // 1024
    return arguments, folder / "straight", used


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, whose size in KiB can be set."""
    place = tmp_path / "disk"
    place.mkdir()

    def of_size(kib, options="size"):
        command = ["mount", "-t", "tmpfs", "-o", f"{options}={kib}k", "tmpfs", place]
        if subprocess.run([*map(str, command)], capture_output=True).returncode:
            pytest.skip("nothing can be mounted here")
        return place

    yield of_size
    subprocess.run(["umount", str(place)], capture_output=True)


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_a_study_goes_on_once_there_is_room(study, disk, share):
    arguments, straight, used = study
    out = disk(max(8, int(share * used))) / "out"
    done = glam_eval(*arguments, out, timeout=SECONDS)
    assert done.returncode in (1, 2), done.stdout
    assert "the disk is full" in done.stderr and "Traceback" not in done.stderr + done.stdout
    again = glam_eval(*arguments, out, timeout=SECONDS)
    assert again.returncode in (1, 2) and "the disk is full" in again.stderr
    disk(16 * used, "remount,size")
    done = glam_eval(*arguments, out, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert_same_results(straight, out)
