"""Evaluation: every scene once, paired, and independent of how episodes are scheduled."""

from collections import Counter

import pytest

from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import test_scene_seeds
from glam_eval.policies.baselines import BotPolicy, RandomPolicy
from glam_eval.protocols import play, play_condition
from glam_eval.training.run import TrainingRun


def protocol(*conditions, scenes=20, replays=2):
    return ProtocolConfig.parse(
        {
            "name": "generalization",
            "scenes": scenes,
            "replays": replays,
            "conditions": conditions or ["none"],
        },
        "test",
    )


def episodes(policy, run, condition="none", **values):
    settings = protocol(condition, **values)
    played = play_condition(policy, run, 0, settings, settings.conditions[0])
    return sorted((one.episode for one in played), key=lambda episode: episode.scene_seed)


@pytest.fixture
def random_run(tiny_run):
    return tiny_run(agent="random")


def test_every_scene_is_played_exactly_once(random_run):
    played = episodes(RandomPolicy(), random_run, scenes=100)
    counts = Counter(episode.scene_seed for episode in played)
    assert counts == Counter(test_scene_seeds("generalization", 100))


def test_the_number_of_environments_changes_nothing(random_run, monkeypatch):
    many = episodes(RandomPolicy(), random_run)
    monkeypatch.setattr(play, "SLOTS", 3)
    assert episodes(RandomPolicy(), random_run) == many


def test_shifts_that_change_nothing_differ_by_nothing(tiny_run):
    """Random ignores all words; a language policy reads the same words under two names of no shift."""
    run = tiny_run(agent="random")
    plain = episodes(RandomPolicy(), run)
    french = episodes(RandomPolicy(), run, "invented_nouns@fr")
    assert [e.actions for e in plain] == [e.actions for e in french]
    assert [e.success for e in plain] == [e.success for e in french]
    assert plain[0].mission != french[0].mission
    policy = TrainingRun(tiny_run()).policy
    one, two = (episodes(policy, tiny_run(), name) for name in ("none", "none@en"))
    assert [e.actions for e in one] == [e.actions for e in two]


def test_seeds_draw_differently(tiny_run):
    one, two = (episodes(RandomPolicy(), tiny_run(agent="random", seed=seed)) for seed in (1, 2))
    assert [e.scene_seed for e in one] == [e.scene_seed for e in two]
    assert [e.actions for e in one] != [e.actions for e in two]


def test_the_bot_takes_the_steps_it_is_said_to_take(tiny_run):
    run = tiny_run(agent="bot")
    for episode in episodes(BotPolicy(), run):
        assert episode.success
        assert episode.length == episode.bot_length
        assert episode.episode_return == pytest.approx(1 - 0.9 * episode.length / 25)  # T = room size squared


def test_steps_are_kept_for_as_many_of_the_first_scenes_as_are_asked(tiny_run):
    run = tiny_run(agent="bot")
    played = list(play_condition(BotPolicy(), run, 0, protocol(), ConditionConfig(), replays=2))
    kept = {one.episode.scene_seed: one for one in played if one.steps}
    assert set(kept) == set(test_scene_seeds("generalization", 2))
    for one in kept.values():
        assert len(one.steps) == one.episode.length
        assert [step.action for step in one.steps] == [int(a, 36) for a in one.episode.actions]
        assert all(sum(step.probabilities) == pytest.approx(1) for step in one.steps)
        assert all(len(step.grid) % (step.width * 3) == 0 for step in one.steps)
    others = play_condition(BotPolicy(), run, 0, protocol(), ConditionConfig())
    assert not any(one.steps for one in others)


MIXED = {
    "level": "MixedTrainLocal",
    "remembered": 1,
    "options": {"room_size": 6, "kinds": ["goto", "pickup"]},
}


def test_kinds_of_task_are_balanced_on_demand(tiny_run):
    run = tiny_run(agent="random", environment=MIXED)
    settings = ProtocolConfig.parse({"name": "generalization", "scenes": 12, "balanced": True}, "test")
    played = [one.episode for one in play_condition(RandomPolicy(), run, 0, settings, ConditionConfig())]
    assert Counter(episode.task for episode in played) == {"goto": 6, "pickup": 6}
    assert len({episode.scene_seed for episode in played}) == 12


@pytest.mark.parametrize(
    ("environment", "scenes", "expected"),
    [
        (MIXED, 13, "13 is no multiple of the 2 kinds"),
        ({"level": "GoToLocalS5N2"}, 12, "one kind of task only"),
    ],
)
def test_what_cannot_be_balanced_is_named(tiny_run, environment, scenes, expected):
    run = tiny_run(agent="random", environment=environment)
    settings = ProtocolConfig.parse({"name": "generalization", "scenes": scenes, "balanced": True}, "test")
    with pytest.raises(UserError, match=expected):
        next(play_condition(RandomPolicy(), run, 0, settings, ConditionConfig()))


def test_options_of_a_condition_join_those_of_training(tiny_run):
    world = {"level": "GoToLocal", "remembered": 1, "options": {"room_size": 5, "num_dists": 2}}
    run = tiny_run(agent="bot", environment=world)
    more = {"name": "more", "options": {"num_dists": 3}}
    one, two = (episodes(BotPolicy(), run, condition, scenes=3) for condition in ("none", more))
    small = tiny_run(agent="bot")
    assert [e.mission for e in one] == [e.mission for e in episodes(BotPolicy(), small, scenes=3)]
    assert [e.mission for e in one] != [e.mission for e in two]
    assert all(e.length == e.bot_length for e in one + two)
