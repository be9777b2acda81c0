"""TextWorld's games as a world, with the real library: games by seed, their solutions, a study of them."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from installed_example import install

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.environments import check_world, make_environment
from glam_eval.results import load_results

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("textworld") is None, reason="the package textworld is not installed"),
]
SUITE = """
title = "Treasures"
question = "Does a clone of the solution take what it is told?"
seeds = 1
frames = 80
evaluations = 1
[environment]
level = "textworld/treasure_hunter-3"
remembered = 1
[cloning]
transitions = 80
minibatch = 40
steps = 1
environments = 4
[[agents]]
agent = "bc-bot"
model = "t5-nano"
[[agents]]
agent = "bot"
[[agents]]
agent = "random"
[[protocols]]
name = "generalization"
scenes = 4
replays = 1
conditions = ["none", "none~swapped", "none~hidden"]
"""


@pytest.fixture
def textworld(tmp_path, monkeypatch):
    return install("textworld", tmp_path / "site", monkeypatch)


def solved(level, scene, goal="told"):
    environment = make_environment(EnvironmentConfig(level=level, goal=goal), 1)
    environment.start(0, scene)
    first = environment.situations()[0]
    while not environment.step([environment.situations()[0].expert_action()])[0].done:
        pass
    return first, environment


@pytest.mark.parametrize("level", ["treasure_hunter-5", "treasure_hunter-11", "coin_collector-3"])
def test_the_games_own_solution_wins_and_games_are_by_seed(textworld, level):
    check_world(EnvironmentConfig(level=f"textworld/{level}"))
    first, played = solved(f"textworld/{level}", 2**31 + 7)
    again, _ = solved(f"textworld/{level}", 2**31 + 7)
    assert played.summary(0).success and played.expert_length(2**31 + 7) == played.summary(0).length
    assert first.prompt == again.prompt and first.observation.mission.startswith("take the ")
    assert not {each.split()[0] for each in first.actions} & {"look", "inventory", "examine"}


def test_the_other_treasure_is_a_goal_that_can_be_told(textworld):
    _, played = solved("textworld/treasure_hunter-5", 7, goal="swapped")
    summary = played.summary(0)
    assert summary.success_told and not summary.success
    assert summary.first.told and summary.first.chance == 1 / 2


def test_a_study_of_textworld_is_one_command(tmp_path, textworld):
    suite, out = tmp_path / "treasures.toml", tmp_path / "out"
    suite.write_text(SUITE)
    command = [sys.executable, "-m", "glam_eval", "run-suite", str(suite), "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": textworld}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    bot = load_results(out, "episodes").set_index(["agent", "shift"]).sort_index().loc["bot"]
    assert bot.loc["none", "success"].all() and bot.loc["none~swapped", "success_told"].all()
    assert "take the" in (out / "report.html").read_text("utf-8")
