"""Goals swapped, absent and hidden: what readers and those who ignore them do, in scenes that are paired."""

import math

import pandas as pd
import pytest
from handmade_agents import Ignorer, Reader

from glam_eval.config.agents import describe_agent
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig, condition_rank
from glam_eval.core.errors import UserError
from glam_eval.environments.replays import FIRST_COLUMNS, first_commitments
from glam_eval.policies.baselines import BotPolicy
from glam_eval.protocols import play_condition
from glam_eval.protocols.scenes import check_scenes
from glam_eval.training.run import TrainingRun

SCENES = 200
GOALS = ["none", "@controls"]


def asked(run, policy, scenes=SCENES, conditions=GOALS):
    """Episodes of every condition, in the order of scenes."""
    settings = {"name": "generalization", "scenes": scenes, "conditions": conditions}
    protocol = ProtocolConfig.parse(settings, "test")
    played = {}
    for condition in protocol.conditions:
        episodes = [one.episode for one in play_condition(policy, run, 0, protocol, condition)]
        played[condition.label] = sorted(episodes, key=lambda episode: episode.scene_seed)
    return played


def mean(episodes, column):
    return sum(getattr(episode, column) for episode in episodes) / len(episodes)


@pytest.fixture(scope="module")
def run(tiny_run):
    return tiny_run(agent="random", environment={"level": "StrictPickupLocalS5N2"})


@pytest.fixture(scope="module")
def ignorer(run):
    return asked(run, Ignorer())


@pytest.fixture(scope="module")
def reader(run):
    return asked(run, Reader())


def test_all_goals_are_told_in_the_same_scenes(ignorer):
    scenes = [[episode.scene_seed for episode in episodes] for episodes in ignorer.values()]
    assert list(ignorer) == ["none", "none~swapped", "none~absent", "none~hidden"]
    assert all(each == scenes[0] for each in scenes) and len(set(scenes[0])) == SCENES
    assert [{episode.goal for episode in episodes} for episodes in ignorer.values()] == [
        {"told"}, {"swapped"}, {"absent"}, {"hidden"},
    ]  # fmt: skip


def test_a_reader_does_what_it_is_told_and_nothing_else(reader):
    assert mean(reader["none"], "success") == mean(reader["none"], "success_told") == 1
    assert mean(reader["none~swapped"], "success_told") == 1
    assert mean(reader["none~swapped"], "success") == 0
    for label in ("none~absent", "none~hidden"):
        assert mean(reader[label], "success") == 0
        assert {episode.first_thing for episode in reader[label]} == {""}
    assert all(episode.first_told for label in ("none", "none~swapped") for episode in reader[label])
    assert not any(episode.first_meant for episode in reader["none~swapped"])


def test_who_ignores_the_goal_does_the_same_whatever_is_told(ignorer):
    """With two things in the room, its success under one goal is its failure under the other."""
    usual, swapped = ignorer["none"], ignorer["none~swapped"]
    for label in ("none~swapped", "none~absent", "none~hidden"):
        assert [episode.actions for episode in ignorer[label]] == [episode.actions for episode in usual]
        assert [episode.success for episode in ignorer[label]] == [episode.success for episode in usual]
    assert [episode.success_told for episode in swapped] == [not episode.success for episode in usual]
    assert not any(episode.success_told for episode in ignorer["none~absent"])


def test_who_ignores_the_goal_commits_at_chance(ignorer):
    assert {episode.first_chance for episode in ignorer["none"]} == {0.5}
    assert {episode.first_chance for episode in ignorer["none~absent"]} == {0.0}
    error = math.sqrt(0.25 / SCENES)
    for label in ("none", "none~swapped"):
        assert abs(mean(ignorer[label], "first_told") - 0.5) < 3 * error
    assert mean(ignorer["none"], "bot_first_meant") == 1  # the bot never picks up another


@pytest.mark.parametrize("agent", ["sweep", "random-useful", "random"])
def test_goal_blind_references_follow_no_goal(tiny_run, agent):
    """Whatever they do, they do it in scenes told one way as in those told the other."""
    run = tiny_run(agent=agent, environment={"level": "StrictPickupLocalS5N2"})
    policy = describe_agent(agent).make_policy(run, 6, "cpu")
    played = asked(run, policy, scenes=60, conditions=["none", "none~swapped"])
    usual, swapped = played.values()
    assert [episode.actions for episode in usual] == [episode.actions for episode in swapped]
    assert mean(usual, "success") < 0.75
    assert mean(swapped, "success") + mean(swapped, "success_told") <= 1


def test_the_bot_follows_what_is_told(run):
    played = asked(run, BotPolicy(), scenes=20, conditions=["none", "none~swapped", "none~hidden"])
    assert mean(played["none"], "success") == mean(played["none~hidden"], "success") == 1
    assert mean(played["none~swapped"], "success_told") == 1
    assert mean(played["none~swapped"], "success") == 0


def test_missions_are_told_in_the_language_of_the_condition_or_not_at_all(run):
    played = asked(run, Ignorer(), 20, ["none@fr", "none@fr~swapped", "new_nouns@fr~hidden"])
    told = [[episode.mission for episode in episodes] for episodes in played.values()]
    assert all(mission.startswith("ramasse ") for mission in told[0] + told[1])
    assert not any(one == other for one, other in zip(told[0], told[1], strict=True))
    assert set(told[2]) == {""}


def test_an_agent_trained_without_a_goal_never_reads_one(tiny_run):
    """The blind agent plays alike under every condition of the goal, because its prompts are alike."""
    learner = {"preset": "small", "environments": 8, "steps": 10, "minibatch": 40}
    run = tiny_run(agent="blind", model="t5-pico", learner=learner)
    assert run.environment.goal_hidden
    training = TrainingRun(run)
    training.advance()
    played = asked(run, training.policy, 10, ["none", "none~swapped"])
    assert {episode.mission for episodes in played.values() for episode in episodes} == {""}
    for one, other in zip(*played.values(), strict=True):
        shared = min(one.length, other.length)
        assert one.actions[:shared] == other.actions[:shared]
    with pytest.raises(UserError, match="in conditions of protocols alone"):
        tiny_run(environment={"goal": "swapped"})
    sighted = tiny_run(environment={**run.environment.model_dump(), "goal_hidden": False})
    assert not sighted.environment.goal_hidden
    assert sighted.digest() != tiny_run(environment=run.environment.model_dump()).digest()


@pytest.mark.parametrize("agent", ["drrn", "symbolic-ppo"])
def test_agents_of_any_kind_can_be_asked_without_a_goal(tiny_run, agent):
    run = tiny_run(agent=agent)
    played = asked(run, TrainingRun(run).policy, 4, ["none", "none~hidden"])
    assert [episode.mission for episode in played["none~hidden"]] == [""] * 4


def test_first_commitments_are_found_again_from_stored_actions(ignorer):
    episodes = pd.DataFrame(
        [
            {column: getattr(episode, column) for column in type(episode).__slots__}
            for episodes in ignorer.values()
            for episode in episodes[:25]
        ]
    )
    stored = episodes[list(FIRST_COLUMNS)]
    again = first_commitments(episodes.drop(columns=list(FIRST_COLUMNS)))
    pd.testing.assert_frame_equal(again, stored, check_dtype=False)
    elsewhere = first_commitments(episodes, {"room_size": 7})
    assert elsewhere.isna().all(axis=1).mean() > 0.5  # other rooms: the actions lead elsewhere


@pytest.mark.parametrize(
    ("level", "options", "goal"),
    [
        ("UnlockLocal", {}, "swapped"),  # one door
        ("PutNextLocalS5N3", {}, "swapped"),  # needs four things, has three
        ("PickUpSeqPickUpLocalS5N2", {}, "swapped"),
    ],
)
def test_levels_without_other_things_are_refused_in_one_line(tiny_run, level, options, goal):
    run = tiny_run(agent="random", environment={"level": level, "options": options})
    condition = ConditionConfig(goal=goal)
    settings = {"name": "generalization", "scenes": 5, "conditions": ["none", condition.model_dump()]}
    protocol = ProtocolConfig.parse(settings, "test")
    with pytest.raises(UserError, match=f"level {level} has too few scenes whose goal can be {goal}") as one:
        check_scenes(run, protocol, condition)
    with pytest.raises(UserError) as other:
        next(play_condition(BotPolicy(), run, 0, protocol, ConditionConfig()))
    assert str(one.value) == str(other.value) and "\n" not in str(one.value)


def test_names_of_conditions_with_goals():
    assert ConditionConfig.model_validate("none~swapped") == ConditionConfig(goal="swapped")
    both = ConditionConfig.model_validate("new_nouns@fr~hidden")
    assert (both.shift, both.goal, both.label) == ("new_nouns@fr", "hidden", "new_nouns@fr~hidden")
    labels = [
        "none~absent",
        "none~swapped",
        "none@fr~swapped",
        "none@fr",
        "new_nouns~absent",
        "new_nouns",
        "none",
    ]
    assert sorted(labels, key=condition_rank) == [
        "none", "none~swapped", "none~absent", "new_nouns", "new_nouns~absent", "none@fr", "none@fr~swapped",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"conditions\.0\.goal = 'swaped'"):
        ProtocolConfig.parse({"name": "generalization", "conditions": ["none~swaped"]}, "test")
