"""``glam-eval watch`` driven by its keys, and ``status``: a study as its files grow and its runs fail."""

import asyncio
import importlib.util
import shutil

import numpy as np
import pytest
from program import answer
from tiny_suite import TINY_SUITE
from typer.testing import CliRunner

import glam_eval
from glam_eval.cli.app import app
from glam_eval.cli.dashboard import Dashboard, sparkline
from glam_eval.cli.watch import watch
from glam_eval.core.errors import UserError
from glam_eval.execution.failures import record_failure
from glam_eval.execution.study import log_file, read_suite
from glam_eval.statistics import curve_episodes, learning_curves
from glam_eval.suites.status import study_status

PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of four short runs, carried out; one of its agents plays two levels."""
    directory = tmp_path_factory.mktemp("watched")
    other_level = '[[agents]]\nagent = "random"\nenvironment = { level = "GoToLocalS6N3" }\n'
    (directory / "tiny.toml").write_text(TINY_SUITE + other_level)
    arguments = (
        "run-suite",
        directory / "tiny.toml",
        "--out",
        directory / "out",
        "--seeds",
        1,
        "--no-summary",
    )
    assert answer(*arguments).returncode == 0
    return directory / "out"


@pytest.fixture
def study(finished, tmp_path):
    """A copy of it, to damage."""
    return shutil.copytree(finished, tmp_path / "out")


async def until(pilot, true):
    """Wait until something is true of the screen."""
    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        if true():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"not within {PATIENCE_SECONDS:g} s: {cells(pilot.app, 'runs')}")


def cells(dashboard, tab):
    table = dashboard.query_one(f"#table-{tab}")
    return [[str(cell) for cell in table.get_row_at(row)] for row in range(table.row_count)]


def said(dashboard):
    return str(dashboard.query_one("#said").render())


def test_keys_turn_to_runs_curves_and_failures_and_leave(study):
    async def drive():
        dashboard = Dashboard(study, 0.2)
        async with dashboard.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: len(cells(dashboard, "runs")) == 4)
            assert "4 runs: 4 finished" in said(dashboard)
            assert {row[0] for row in cells(dashboard, "runs")} == {"finished"}
            tabs = dashboard.query_one("#tabs")
            for key, tab in (("2", "curves"), ("3", "failures"), ("1", "runs")):
                await pilot.press(key)
                assert tabs.active == tab
            seen = cells(dashboard, "curves")
            await pilot.press("q")
        return seen

    played = curve_episodes(glam_eval.load_results(study))
    trained = learning_curves(played[played["agent"] == "gflan"], np.random.default_rng(0))
    drawn = {row[0]: row for row in asyncio.run(drive())}
    assert set(drawn) == {
        "GFlan-T5 t5-pico", "bot", "random [level=GoToLocalS5N2]", "random [level=GoToLocalS6N3]",
    }  # fmt: skip
    assert drawn["GFlan-T5 t5-pico"][2] == f"{trained['mean'].iloc[-1]:.2f}"
    assert drawn["GFlan-T5 t5-pico"][1] == sparkline(trained["mean"].to_numpy())


def take_away(study):
    """Take a study's rows of runs and episodes away; return how to put them back."""
    away = study.parent / "away"
    files = [file for table in ("episodes", "runs") for file in (study / table).glob("*.parquet")]
    for file in files:
        (away / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.move(file, away / file.parent.name / file.name)

    def put_back():
        for file in files:
            shutil.move(away / file.parent.name / file.name, file)

    return put_back


def test_what_is_written_meanwhile_is_seen_without_a_key(study):
    put_back = take_away(study)

    async def drive():
        dashboard = Dashboard(study, 0.2)
        async with dashboard.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "4 owed" in said(dashboard))
            assert cells(dashboard, "curves") == []
            put_back()
            await until(pilot, lambda: "4 finished" in said(dashboard) and cells(dashboard, "curves"))

    asyncio.run(drive())


def test_a_failure_shows_its_log_and_no_text_is_markup(study):
    take_away(study)
    planned = next(iter(read_suite(study).graph))
    record_failure(study, planned, "out of [red]memory[/red]", "cpu")
    log_file(study, planned.run_id).write_text("step 1\nout of [red]memory[/red]\n")
    assert study_status(study).counts() == {"failed": 1, "owed": 3}

    async def drive():
        dashboard = Dashboard(study, 0.2)
        async with dashboard.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: cells(dashboard, "failures"))
            assert cells(dashboard, "failures") == [["out of [red]memory[/red]", planned.run_id]]
            await pilot.press("3")
            log = dashboard.query_one("#log-text")
            await until(pilot, lambda: "step 1\nout of [red]memory[/red]" in str(log.render()))

    asyncio.run(drive())


def test_status_lists_what_is_not_finished_in_a_pipe(study):
    take_away(study)
    planned = next(iter(read_suite(study).graph))
    record_failure(study, planned, "it stopped", "cpu")
    printed = CliRunner().invoke(app, ["status", str(study)]).output
    assert "it stopped" in printed and "4 runs: 1 failed, 3 owed" in printed


@pytest.mark.parametrize(
    ("present", "expected"), [(True, "watch needs a terminal"), (False, "watch needs textual: pip install")]
)
def test_without_a_terminal_or_textual_one_line_says_what_to_do(study, present, expected, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: present or None)
    with pytest.raises(UserError, match=expected):
        watch(study)
