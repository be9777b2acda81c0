"""Suites in which things go wrong, in real processes: what failed is named, the rest is kept."""

import resource
import time
from pathlib import Path

import pandas as pd
import pytest
from program import answer, assert_same_results
from under_way import begin

HERE = Path(__file__).parent
SUITES = HERE.parent / "suites"
BAD_SUITE = """
title = "Bad"
question = "What goes wrong?"
seeds = 1
silence_seconds = 6
[environment]
level = "GoToLocalS5N2"
[[agents]]
agent = "raising"
[[agents]]
agent = "killed"
[[agents]]
agent = "hanging"
[[agents]]
agent = "random"
[[agents]]
agent = "bot"
[[protocols]]
name = "generalization"
scenes = 5
"""


@pytest.fixture
def bad_suite(tmp_path):
    """A suite whose agents an installed package brings, and the path by which a process finds them."""
    information = tmp_path / "site" / "bad_agents-0.1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-agents\nVersion: 0.1.0\n")
    names = ("raising", "killed", "hanging")
    points = ["[glam_eval.agents]", *(f"{name} = bad_agents:{name}" for name in names)]
    (information / "entry_points.txt").write_text("\n".join(points))
    (tmp_path / "bad.toml").write_text(BAD_SUITE)
    return tmp_path / "bad.toml", [tmp_path / "site", SUITES]


@pytest.fixture
def refused_meanwhile(bad_suite, tmp_path):
    """The suite's outcome, and those of two invocations on its directory while it was at work."""
    suite, path = bad_suite
    arguments = ("run-suite", suite, "--out", tmp_path / "out", "--workers", 2)
    first = begin(*arguments, path=path)
    while not (tmp_path / "out" / "runs").exists() and first.poll() is None:
        time.sleep(0.05)
    others = [begin(*arguments, *fresh, path=path).ended() for fresh in ((), ("--fresh",))]
    done = first.ended()
    return done.returncode, done.stderr.strip().splitlines(), others


def test_failures_are_isolated_named_and_written_down(refused_meanwhile, tmp_path):
    out = tmp_path / "out"
    code, said, others = refused_meanwhile
    assert code == 1
    assert said[0] == "glam-eval: 3 runs failed, the others' results are stored:"
    reasons = {line.split("-")[0]: line for line in said[1:]}
    assert "ArithmeticError: a number that is none" in reasons["raising"]
    assert "its process died twice (exit code -9; -9 is often a lack of memory)" in reasons["killed"]
    assert "computed nothing for 6 s twice" in reasons["hanging"]
    for line in said[1:]:
        assert Path(line.partition("(log: ")[2].rstrip(")")).read_text().strip()
    runs = pd.read_parquet(out / "runs").set_index("agent").status
    assert runs.to_dict() == {
        "raising": "failed",
        "killed": "failed",
        "hanging": "failed",
        "random": "finished",
        "bot": "finished",
    }
    assert set(pd.read_parquet(out / "episodes").agent) == {"random", "bot"}
    assert "Runs that did not finish" in (out / "report.html").read_text()
    for refused in others:
        assert refused.returncode == 2
        assert refused.stderr.strip().endswith("wait for it or give another --out")
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "Bad" not in refused.stdout


@pytest.mark.thorough
def test_a_failed_run_is_tried_again_and_its_failure_forgotten(bad_suite, tmp_path):
    (suite, path), out = bad_suite, tmp_path / "out"
    agents = "agents=[{agent='raising'},{agent='random'}]"
    arguments = ("run-suite", suite, "--out", out, "--workers", 1, "--set", agents, "--no-summary")
    assert begin(*arguments, path=path).ended().returncode == 1
    mended = tmp_path / "mended"
    mended.mkdir()
    text = (SUITES / "bad_agents.py").read_text()
    (mended / "bad_agents.py").write_text(text.replace('("raising", _Raising)', '("raising", RandomPolicy)'))
    done = begin(*arguments, path=[mended, *path]).ended()
    assert done.returncode == 0, done.stderr
    runs = pd.read_parquet(out / "runs")
    assert sorted(zip(runs.agent, runs.status, strict=True)) == [
        ("raising", "finished"),
        ("random", "finished"),
    ]
    assert not list((out / "logs").iterdir())


@pytest.mark.thorough
def test_a_full_disk_fails_runs_in_one_line_and_harms_nothing(tiny_suite, tmp_path):
    out, straight = tmp_path / "out", tmp_path / "straight"
    agents = "agents=[{agent='gflan',model='t5-pico'},{agent='random'}]"
    arguments = (
        "run-suite",
        tiny_suite,
        "--seeds",
        1,
        "--workers",
        1,
        "--no-summary",
        "--set",
        agents,
        "--out",
    )
    limit = 60_000  # bytes a file: tables fit, a checkpoint does not
    done = begin(*arguments, out, limits={resource.RLIMIT_FSIZE: limit}).ended()
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()
    assert len(said) == 2
    assert said[0] == "glam-eval: 1 run failed, the others' results are stored:"
    assert "gflan-t5-pico" in said[1]
    assert "File too large" in said[1]
    assert set(pd.read_parquet(out / "runs").query("status == 'finished'").agent) == {"random"}
    assert answer(*arguments, out).returncode == 0
    assert answer(*arguments, straight).returncode == 0
    assert_same_results(straight, out)
