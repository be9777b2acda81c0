"""Listings fit 80 columns, are plain in a pipe, and JSON for machines; shells complete what is typed."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from program import command

from glam_eval.cli import main
from glam_eval.cli.app import app
from glam_eval.execution.study import read_suite

STUDY = Path(__file__).parents[2] / "results" / "grounding-cpu"


def leaves(group=None, words=()) -> Iterator[tuple[tuple[str, ...], typer.core.TyperCommand]]:
    """Yield every command that does something, by its words."""
    group = group or typer.main.get_command(app)
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from leaves(each, (*words, name))
        else:
            yield (*words, name), each


COMMANDS = dict(leaves())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_help_page_fits_80_columns_and_is_plain_in_a_pipe(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words, "--help"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and max(map(len, printed.splitlines())) <= 80
    assert f"{' '.join(words)} [OPTIONS]" in printed and printed.count("\n") > 8


def test_every_command_that_lists_speaks_to_machines():
    lists = {words for words, each in COMMANDS.items() if each.help.startswith(("List ", "Tell "))}
    speaks = {words for words, each in COMMANDS.items() if any("--json" in p.opts for p in each.params)}
    assert speaks >= lists >= {("models", "list"), ("status",), ("doctor",), ("suites",)}


LISTINGS = {
    "agents": "agent", "suites": "suite", "envs": "level", "models list": "model",
}  # fmt: skip


@pytest.mark.parametrize("listing", LISTINGS)
def test_listings_fit_80_columns_and_are_complete_as_json(listing, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert main(listing.split()) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and max(map(len, printed.splitlines())) <= 80
    assert main([*listing.split(), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    names = [row[LISTINGS[listing]] for row in rows]
    assert len(set(names)) == len(names) > 5
    joined = "".join(printed.split())
    assert all(name in joined for name in names if len(name) < 12)


def test_one_thing_is_described_as_json(capsys):
    for arguments, key, value in (
        (["agents", "bc-bot"], "demonstrator", "bot"),
        (["suites", "quick"], "seeds", 5),
        (["envs", "GoToLocalS5N2"], "room_size", 5),
    ):
        assert main([*arguments, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[key] == value
    assert main(["agents", "gflam"]) == 2
    assert "did you mean 'gflan'" in capsys.readouterr().err


def test_where_runs_stand_is_told_to_people_and_to_machines(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["status", str(STUDY), "--all"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and max(map(len, printed.splitlines())) <= 80
    assert main(["status", str(STUDY), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    planned = {each.run_id for each in read_suite(STUDY).graph}
    assert {run["run_id"] for run in told["runs"]} == planned and sum(told["counts"].values()) == len(planned)
    assert all(run["success"] is None or 0 <= run["success"] <= 1 for run in told["runs"])


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("run", "run-suite"), ("models pre", "pretrain"), ("report --bes", "--beside")],
)
def test_a_shell_completes_what_is_typed(typed, completed):
    typed = f"glam-eval {typed}"
    asked = {"_GLAM_EVAL_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    code = "from glam_eval.cli.app import app; app(prog_name='glam-eval')"
    done = subprocess.run(
        [command()[0], "-c", code], env=os.environ | asked, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == [completed], done.stderr
