"""The commands that show and play the world, as a user runs them."""

import pandas as pd
import pytest

from glam_eval.cli import main
from glam_eval.environments import level_names


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_envs_lists_every_level(capsys):
    assert main(["envs"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in level_names())
    assert "[pick up an object]" in printed  # brackets are text, not markup


def test_envs_describes_a_level_with_an_episode(capsys):
    assert main(["envs", "GoToLocalS5N2", "--language", "fr", "--seed", "1"]) == 0
    printed = capsys.readouterr().out
    assert "steps at most: 25" in printed
    assert "Tu vois" in printed
    assert "Goal reached after" in printed


def test_envs_audits_a_level(capsys):
    assert main(["envs", "MixedTrainLocal", "--audit", "30"]) == 0
    assert "none of them occurs" in capsys.readouterr().out
    assert main(["envs", "MixedTestLocal", "--audit", "10"]) == 0
    assert "yellow box" in capsys.readouterr().out.partition("\n")[2]


def test_a_bot_plays_with_pictures(capsys):
    assert main(["play", "GoToLocalS5N2", "--agent", "bot", "--seed", "3", "--picture"]) == 0
    printed = capsys.readouterr().out
    assert "██████████" in printed  # a wall of five cells
    assert "Goal reached" in printed


def test_a_person_plays(capsys, monkeypatch):
    answers = iter(["1", "?", "no such action", "turn right", "q"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    assert main(["play", "GoToLocal"]) == 0
    printed = capsys.readouterr().out
    assert "Goal: go to the" in printed
    assert "> turn left" in printed
    assert "the bot would: " in printed
    assert "1 to 6, ? or q" in printed
    assert "> turn right" in printed


def test_random_plays_the_same_scene_the_same_way(capsys):
    arguments = ["play", "GoToLocalS5N2", "--agent", "random", "--actions", "augmented", "--seed", "5"]
    played = []
    for _ in range(2):
        assert main(arguments) == 0
        played.append(capsys.readouterr().out)
    assert played[0] == played[1]


def test_bench_prints_and_writes_both_worlds(capsys, tmp_path):
    file = tmp_path / "new" / "environment.parquet"
    arguments = [
        "bench",
        "environment",
        "GoToLocalS5N2",
        "--steps",
        "400",
        "--slots",
        "4",
        "--out",
        str(file),
    ]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "MiniGrid, no text" in printed
    measured = pd.read_parquet(file)
    assert list(measured["steps"]) == [396, 78]
    assert measured["ratio"].iloc[1] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["envs", "GoToLocl"], "unknown level 'GoToLocl': did you mean 'GoToLocal'"),
        (["play", "--language", "frr"], "unknown language 'frr': did you mean 'fr'"),
        (
            ["play", "--shift", "invented_nuns"],
            "unknown shift 'invented_nuns': did you mean 'invented_nouns'",
        ),
        (["play", "--actions", "cannonical"], "unknown action set 'cannonical': did you mean 'canonical'"),
        (["play", "--agent", "bott"], "did you mean 'bot'"),
        (["bench", "environment", "GoToLocl", "--steps", "100"], "unknown level 'GoToLocl'"),
    ],
)
def test_unknown_names_are_one_line_with_the_nearest(capsys, arguments, message):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
