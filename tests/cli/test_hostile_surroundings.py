"""The program where terminals, disks, directories and packages are not as they should be."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from program import answer, command

from glam_eval.results import load_results

SUITE = """
title = "[red]Brackets[/] $x^2$"
question = "[/] a[0] $"
seeds = 2
[environment]
level = "GoToLocalS5N2"
[[agents]]
agent = "random"
[[agents]]
agent = "bot"
[[protocols]]
name = "generalization"
scenes = 4
conditions = ["none@fr", "invented_nouns"]
"""


@pytest.fixture
def suite(tmp_path):
    """A suite without a condition called none, with texts that are markup elsewhere."""
    path = tmp_path / "mine.toml"
    path.write_text(SUITE)
    return path


def run(*arguments, **variables):
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run(command(*arguments), capture_output=True, env=environment, timeout=300)


@pytest.mark.thorough
def test_a_whole_study_with_poor_terminals_in_a_hostile_directory(suite, tmp_path):
    out = tmp_path / os.fsdecode(b"o[red]$\xff_\xc3\xa9")
    for encoding in ("ascii", "latin-1"):  # the second time all is there, and said again
        done = run("run-suite", suite, "--out", out, "--workers", 1, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        said = done.stdout.decode(encoding)
        assert "[red]Brackets[/] $x^2$  [/] a[0] $" in said
        assert r"o[red]$\udcff_" in said
    assert "[red]Brackets[/] $x^2$" in (out / "report.html").read_text(encoding="utf-8")
    assert set(load_results(out, "episodes")["shift"]) == {"none@fr", "invented_nouns"}


@pytest.mark.parametrize("where", ["figures", "logs", "runs", "suite.json", ".claims", "checkpoints"])
def test_links_among_received_results_are_not_written_through(suite, tmp_path, where):
    victim = tmp_path / "victim"
    victim.mkdir() if "." not in where else victim.write_text("precious")
    out = tmp_path / "out"
    out.mkdir()
    (out / where).symlink_to(victim)
    done = answer("run-suite", suite, "--out", out, "--fresh")
    assert done.returncode == 2, done.stdout
    assert victim.read_text() == "precious" if victim.is_file() else not list(victim.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("run-suite", "quick", "--seeds", 100_000_000),
        ("run-suite", "quick", "--workers", 10**13),
        ("envs", "GoToLocalS5N0"),
        ("envs", "GoToLocalS100000"),
        ("models", "import", "/dev/zero", "--model", "t5-pico", "--out", "x"),
    ],
)
@pytest.mark.timeout(60)
def test_what_would_take_for_ever_is_refused_at_once(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = answer(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("group", ["models", "bench"])
def test_a_group_without_a_command_says_what_there_is(group):
    done = answer(group)
    assert done.returncode == 0 and not done.stderr
    assert "Usage" in done.stdout and "Commands" in done.stdout


@pytest.mark.parametrize(
    ("code", "said"),
    [("def", "SyntaxError"), ("raise SystemExit(0)", "SystemExit"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_package_that_breaks_is_named(tmp_path, monkeypatch, code, said):
    information = tmp_path / "mine-0.1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text("[glam_eval.agents]\nmine = broken_agents:mine\n")
    (tmp_path / "broken_agents.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    done = answer("run-suite", "quick", "--set", "agents=[{agent='mine'}]", "--dry-run")
    assert done.returncode == 2
    assert said in done.stderr and "agent 'mine'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_under_the_output_is_called_that():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command("suites"), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr and "Traceback" not in done.stderr


def test_no_assertion_steers_the_package():
    root = Path(sys.modules["glam_eval"].__file__).parent
    found = [
        f"{file.name}:{node.lineno}"
        for file in root.rglob("*.py")
        if re.search(r"\bassert\b", text := file.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assert)
    ]
    assert not found
