"""The finished study that tests of several files look at, made once for all processes of a test run."""

from pathlib import Path

import pytest
from filelock import FileLock
from program import answer
from tiny_suite import TINY_SUITE


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory, request) -> Path:
    """A folder that all processes of this test run share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if hasattr(request.config, "workerinput") else folder


@pytest.fixture(scope="session")
def suite(tmp_path_factory) -> Path:
    """The tiny suite as a file."""
    path = tmp_path_factory.mktemp("suite") / "tiny.toml"
    path.write_text(TINY_SUITE)
    return path


@pytest.fixture(scope="session")
def study(common_folder, suite) -> tuple[Path, str]:
    """The study run straight through with two workers, and what was said; not to be changed."""
    out, said = common_folder / "straight", common_folder / "straight.txt"
    with FileLock(common_folder / "straight.lock"):
        if not said.exists():
            done = answer("run-suite", suite, "--out", out, "--workers", 2)
            assert done.returncode == 0, done.stderr
            said.write_text(done.stdout)
    return out, said.read_text()
