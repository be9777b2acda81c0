"""What another user of the machine laid out for us: nothing of it is run, and nothing of ours is overwritten."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tiny_suite import TINY_SUITE

from glam_eval.results import finished_runs

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can be another user"
)

SUITE = TINY_SUITE.partition("[[agents]]")[0].replace("seeds = 2", "seeds = 1") + """
[[agents]]
agent = "random"

[[protocols]]
name = "generalization"
scenes = 2
"""
PROGRAM = "from glam_eval.cli import main\n\nif __name__ == '__main__':\n    raise SystemExit(main())\n"
SECOND = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c")


@pytest.fixture
def shared():
    """A directory that all users write in, as /tmp is."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.fixture
def program(tmp_path):
    """The program as it is installed: a file of its own, beside which Python looks for modules."""
    (tmp_path / "tiny.toml").write_text(SUITE)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "glam-eval").write_text(PROGRAM)

    def run(cwd, out, *options):
        arguments = ("run-suite", tmp_path / "tiny.toml", "--no-summary", "--workers", 1, "--out", out)
        command = [sys.executable, tmp_path / "bin" / "glam-eval", *arguments, *options]
        return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=300)

    return run


def as_second_user(script, cwd):
    return subprocess.run([*SECOND, f"umask 0; {script}"], cwd=cwd, capture_output=True, text=True)


def test_modules_in_the_directory_it_is_started_in_are_not_imported(shared, program, tmp_path):
    evil = f"open('{shared}/ran', 'w').close()"
    for name in ("selectors", "struct", "torch", "glam_eval_agents", "sitecustomize"):
        assert as_second_user(f'echo "{evil}" > {name}.py', shared).returncode == 0
    done = program(shared, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(finished_runs(tmp_path / "out")) == 1
    assert not (shared / "ran").exists()


@pytest.mark.parametrize("name", [".parent.lock", ".workers.lock", "suite.json", ".glam-eval", "runs", "logs"])
@pytest.mark.parametrize("options", [(), ("--fresh",)])
def test_a_directory_that_waits_for_us_writes_nothing_of_ours_over(shared, tmp_path, name, options, capsys):
    from glam_eval.cli import main

    precious = tmp_path / "precious"
    precious.mkdir() if name in ("runs", "logs") else precious.write_text("mine")
    precious.chmod(0o700)
    assert as_second_user(f"mkdir out && ln -s {precious} out/{name}", shared).returncode == 0
    suite = tmp_path / "tiny.toml"
    suite.write_text(SUITE)
    code = main(["run-suite", str(suite), "--no-summary", "--out", str(shared / "out"), *options])
    assert code == 2, capsys.readouterr().err
    assert len(capsys.readouterr().err.strip().splitlines()) <= 1
    assert precious.read_text() == "mine" if precious.is_file() else not list(precious.iterdir())


def test_a_second_user_writes_nothing_into_our_results(shared, program):
    done = program(shared, shared / "out")
    assert done.returncode == 0, done.stderr
    before = {path: path.stat().st_mtime_ns for path in (shared / "out").rglob("*")}
    attack = (
        "for each in $(find out) ; do echo x > $each ; rm -rf $each ; ln -sf /etc/passwd $each ;"
        " mv $each . ; done ; touch out/new out/runs/new ; mv out other ; rm -rf out"
    )
    as_second_user(attack, shared)
    assert before == {path: path.stat().st_mtime_ns for path in (shared / "out").rglob("*")}
