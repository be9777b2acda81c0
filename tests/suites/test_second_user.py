"""Another user of the machine can't have us write where they point, nor read what is kept for ourselves."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.core.errors import UserError
from glam_eval.core.files import refuse_links
from glam_eval.core.private_files import private_directory
from glam_eval.suites.directory import claimed

SECOND = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can be another user"
)


def as_second(script):
    return subprocess.run([*SECOND, "sh", "-c", script], capture_output=True, text=True)


@pytest.fixture
def shared():
    """A directory in which everybody may make files, as the temporary one."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.mark.parametrize("planted", ["suite.json", ".glam-eval", "runs", "checkpoints", ".claims", "logs"])
def test_what_a_second_user_planted_leads_to_no_file_of_ours(shared, tmp_path, tiny_suite, planted):
    ours = tmp_path / "thesis.tex"
    ours.write_text("ours")
    assert as_second(f"mkdir {shared}/out && ln -s {ours} {shared}/out/{planted}").returncode == 0
    refusal = OSError if planted == ".claims" else UserError  # of too many links, as the program prints it
    with pytest.raises(refusal), claimed(shared / "out", load_suite(str(tiny_suite))):
        refuse_links(shared / "out")
    assert ours.read_text() == "ours"


def test_what_is_private_is_neither_read_nor_replaced_by_a_second_user(shared):
    kept = private_directory(shared / "kept")
    (kept / "secret").write_text("ours")
    for script in (
        f"cat {kept}/secret",
        f"ls {kept}",
        f"echo theirs > {kept}/secret",
        f"rm -r {kept}",
        f"mv {kept} {shared}/x",
    ):
        assert as_second(script).returncode != 0
    assert (kept / "secret").read_text() == "ours"
    assert as_second(f"mkdir -m 777 {shared}/theirs").returncode == 0
    with pytest.raises(PermissionError, match="belongs to another user"):
        private_directory(shared / "theirs")
