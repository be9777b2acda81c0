"""Worlds of other packages: the documented example, installed, is a world like any, to the report."""

import json
import sys
from itertools import pairwise

import numpy as np
import pytest
from installed_example import install
from program import answer

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.config.worlds import describe_world
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.environments import check_world, make_environment
from glam_eval.protocols.scenes import check_scenes, protocol_scenes
from glam_eval.results import load_results
from glam_eval.statistics import who_reads

SUITE = """
title = "A house"
question = "Is an errand read?"
seeds = 1
frames = 80
evaluations = 1
[environment]
level = "household/locked"
remembered = 1
[ppo]
preset = "small"
environments = 4
steps = 10
minibatch = 40
epochs = 1
[cloning]
transitions = 40
minibatch = 40
steps = 1
environments = 4
random_fraction = 0.2
[[agents]]
agent = "bc-bot"
model = "t5-pico"
[[agents]]
agent = "gflan"
model = "t5-pico"
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
def household(tmp_path, monkeypatch):
    """The example with entry points beside its own."""

    def installed(**others):
        return install("household", tmp_path / "site", monkeypatch, **others)

    return installed


def world(level="household/locked", **values):
    return EnvironmentConfig(level=level, **values)


def played(config, scene, choose):
    """An episode's environment, played to its end, and every situation in it."""
    environment = make_environment(config, 1)
    environment.start(0, scene)
    met = environment.situations()
    while not environment.step([choose(met[-1])])[0].done:
        met += environment.situations()
    return environment, met


@pytest.mark.thorough
def test_a_study_of_a_packages_world_goes_from_cloning_to_the_report(tmp_path, household):
    household()
    suite, out = tmp_path / "house.toml", tmp_path / "out"
    suite.write_text(SUITE)
    done = answer("run-suite", suite, "--out", out)
    assert done.returncode == 0, done.stderr
    episodes = load_results(out, "episodes").set_index(["agent", "shift"]).sort_index()
    bot = episodes.loc["bot"]
    assert bot.loc["none", "success"].all() and bot.loc["none~swapped", "success_told"].all()
    assert not bot.loc["none~swapped", "success"].any()
    assert (bot.loc["none", "length"] == bot.loc["none", "bot_length"]).all()
    assert (bot.loc["none~hidden", "mission"] == "").all() and bot.loc["none", "first_meant"].all()
    offered = load_results(out, "steps")["action_names"]
    assert offered.map(len).nunique() > 1
    probabilities = load_results(out, "steps")["probabilities"]
    assert (probabilities.map(len) == offered.map(len)).all()
    assert np.allclose(probabilities.map(sum), 1, atol=1e-5)
    versions = load_results(out, "runs")["packages"].map(json.loads)
    assert all(each["glam-eval-household"] == "0.1.0" for each in versions)
    shown = load_results(out, "demonstrations")
    assert set(shown["source"]) == {"bot", "random"} and shown["actions"].map(len).nunique() > 1
    training = load_results(out, "training")
    learned = training[training["agent"] == "gflan"]
    assert np.isfinite(learned[["policy_loss", "entropy", "grad_norm", "information"]]).all(axis=None)
    asked = who_reads(load_results(out, "episodes")).set_index("agent")
    assert asked.loc["bot", "following"] == 1 and {"bc-bot", "gflan", "random"} <= set(asked.index)
    assert "go to the kitchen" in (out / "report.html").read_text("utf-8")


def test_an_episode_is_told_as_it_is_and_comes_back_exactly(household):
    household()
    config = world(remembered=2)
    environment, met = played(config, 3, lambda each: each.expert_action())
    assert met[0].actions != met[1].actions
    for before, after in pairwise(met):
        assert ", ".join(after.actions) in after.prompt.splitlines()[0]
        taken = before.actions[before.expert_action.__self__.taken[met.index(before)]]
        assert f"Action 0: {taken}" in after.prompt
    other = make_environment(config, 1)
    other.restore(0, environment.state(0))
    assert other.summary(0) == environment.summary(0)
    assert other.situations()[0].prompt == environment.situations()[0].prompt


@pytest.mark.parametrize("level", ["household/fetch", "household/locked"])
def test_the_expert_reaches_whatever_is_told_and_every_goal_is_as_likely_first(household, level):
    household()
    for scene in range(12):
        for goal in ("told", "swapped"):
            environment, _ = played(world(level, goal=goal), scene, lambda each: each.expert_action())
            summary = environment.summary(0)
            assert summary.success_told and summary.success == (goal == "told")
            assert summary.first.told and summary.first.chance == 1 / 4
            earned = (1 - 0.9 * summary.length / 20) * (goal == "told")
            assert summary.episode_return == pytest.approx(earned)


def test_what_time_cuts_off_still_offers_actions_for_a_critic_to_value(household):
    household()
    environment, met = played(world(), 3, lambda each: 0)
    last = environment.situations()[0]
    assert len(met) == 20 and last.actions and not environment.summary(0).success
    assert all(each in last.prompt for each in last.actions)


def test_scenes_are_by_seed_and_layouts_tell_them_apart(household):
    household()
    first, second = make_environment(world(), 2), make_environment(world(), 2)
    for environment in (first, second):
        for slot, scene in enumerate((5, 6)):
            environment.start(slot, scene)
    assert first.layout(0) == second.layout(0) != first.layout(1)
    assert first.situations()[0].prompt == second.situations()[0].prompt
    run = RunConfig(agent="bot", environment=world())
    swapped = ProtocolConfig(name="generalization", scenes=5, conditions=("none", "none~swapped"))
    scenes = {tuple(protocol_scenes(swapped, run, each)) for each in swapped.conditions}
    assert len(scenes) == 1 and len(next(iter(scenes))) == 5


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"environment": world("household/fetsh")}, "did you mean 'household/fetch'"),
        ({"environment": world("houshold/fetch")}, "unknown world 'houshold': did you mean 'household'"),
        ({"environment": world(language="fr")}, "is told in 'en': leave language 'fr' out"),
        ({"environment": world(shift="new_nouns")}, "which no shift replaces: leave 'new_nouns' out"),
        ({"environment": world(actions="augmented")}, "leave environment.actions out"),
        ({"environment": world(options={"rooms": 3})}, "has no options: leave 'rooms' out"),
        ({"agent": "drrn"}, "agent 'drrn' acts in BabyAI-Text alone"),
        ({"agent": "sweep"}, "agent 'sweep' acts in BabyAI-Text alone"),
        ({"agent": "aflan", "model": "t5-pico"}, "take an agent that scores actions"),
    ],
)
def test_what_makes_no_sense_in_another_world_is_refused_in_a_line(household, values, told):
    household()
    with pytest.raises(UserError, match=told):
        RunConfig.parse({"agent": "random", "environment": world(), **values}, "test")


@pytest.mark.parametrize(
    ("protocol", "told"),
    [
        ({"name": "generalization", "conditions": ("none~absent",)}, "does not say what is absent"),
        ({"name": "generalization", "conditions": ("new_nouns",)}, "which no shift replaces"),
        ({"name": "generalization", "conditions": ("none@fr",)}, "is told in 'en'"),
        ({"name": "generalization", "balanced": True}, "one kind of task only"),
    ],
)
def test_conditions_that_need_babyais_words_are_refused_in_a_line(household, protocol, told):
    household()
    run = RunConfig(agent="bot", environment=world())
    asked = ProtocolConfig(**protocol)
    with pytest.raises(UserError, match=told):
        check_scenes(run, asked, asked.conditions[0])


@pytest.mark.parametrize("name", ["probes", "saliency", "consequences"])
def test_questions_made_from_babyais_simulator_are_refused_elsewhere(household, name):
    household()
    with pytest.raises(UserError, match=f"protocol {name} asks of BabyAI-Text's world"):
        ProtocolConfig(name=name).check_level("household/fetch")
    ProtocolConfig(name=name).check_level("GoToLocal")


def test_a_level_of_another_world_may_be_a_condition(household):
    household()
    run = RunConfig(agent="random", environment=EnvironmentConfig(level="GoToLocal"))
    condition = ConditionConfig(level="household/fetch", name="house")
    check_scenes(run, ProtocolConfig(name="generalization", conditions=(condition,)), condition)


BROKEN = """
import household
from dataclasses import replace

class Broken(household.Errand):
    actions = ("go", "go")

class Crowded(household.Errand):
    actions = [f"go to {number}" for number in range(37)]

class Numbered(household.Errand):
    actions = (1, 2)

class Failing(household.Errand):
    def __init__(self, level, scene_seed):
        raise KeyError("no such room")

def of(name, begin, **values):
    return replace(household.HOUSEHOLD, name=name, begin=begin, **values)

broken, crowded, failing = of("broken", Broken), of("crowded", Crowded), of("failing", Failing)
numbered = of("numbered", Numbered)
nowhere, misnamed = of("nowhere", "no_module:begin"), of("other", Broken)
spaced = of("spaced", Broken, levels={"a b": ""})
"""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "world 'broken', level fetch, scene 0: actions are distinct lines of text, not go, go"),
        ("numbered", "world 'numbered', level fetch, scene 0: AttributeError"),
        ("crowded", "it offers 37 actions, not 1 to 36"),
        ("failing", "scene 0: KeyError: 'no such room'"),
        ("nowhere", "can't be loaded: ModuleNotFoundError"),
        ("misnamed", "must be a World of that name"),
        ("spaced", "names have letters, digits"),
    ],
)
def test_a_world_that_breaks_its_promises_is_one_clear_line(tmp_path, monkeypatch, household, name, told):
    household(**{name: f"broken_house:{name}"})
    (tmp_path / "broken_house.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken_house", raising=False)
    with pytest.raises(UserError, match=told):
        check_world(world(f"{name}/fetch"))


def test_a_world_that_fails_under_way_is_named(household, monkeypatch):
    household()
    begun = make_environment(world(), 1)
    begun.start(0, 3)
    episode = type(describe_world("household").begin("fetch", 0))
    monkeypatch.setattr(episode, "act", lambda *_: 1 / 0)
    with pytest.raises(RunFailedError, match="world 'household', level locked, scene 3: ZeroDivisionError"):
        begun.step([0])


def test_the_program_lists_describes_and_plays_its_levels(household):
    household()
    levels = {each["level"] for each in json.loads(answer("envs", "--json").stdout)}
    assert {"household/fetch", "household/locked", "GoToLocal"} <= levels
    described = answer("envs", "household/fetch", "--seed", "3").stdout
    assert "played by its expert" in described and "> put the" in described and "Goal reached" in described
    seen = answer("play", "household/fetch", "--agent", "bot", "--seed", "3")
    assert seen.returncode == 0 and "Goal reached" in seen.stdout
    refused = answer("play", "household/fetch", "--agent", "sweep")
    assert refused.returncode == 2 and "acts in BabyAI-Text alone" in refused.stderr
