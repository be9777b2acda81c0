"""Every named condition is played by a language model, in a world that is what its name says."""

from collections import defaultdict

import pytest

from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import TEST_SCENE_BIT, training_scene_seeds
from glam_eval.environments import HELD_OUT
from glam_eval.protocols import play_condition
from glam_eval.protocols.scenes import check_scenes, protocol_scenes
from glam_eval.training.run import TrainingRun

SETS = ["@paper-5x5", "@languages", "@language-controls", "@composition-5x5", "@larger-5x5"]
WORLD = {"level": "MixedTrainLocalS5N2", "remembered": 1, "options": {"kinds": ["goto", "pickup"]}}


@pytest.fixture(scope="module")
def played(tiny_run):
    """Two scenes of every condition by an untrained model: episodes by condition."""
    run = tiny_run(agent="zero-shot", environment=WORLD)
    policy = TrainingRun(run).policy
    protocol = ProtocolConfig.parse({"name": "generalization", "scenes": 2, "conditions": SETS}, "test")
    episodes = defaultdict(list)
    for condition in protocol.conditions:
        for one in play_condition(policy, run, 0, protocol, condition):
            episodes[condition.label].append(one.episode)
    return episodes


def test_every_condition_is_played_once_a_scene(played):
    assert len(played) == 13 + 4 + 3 + 4 + 2
    assert all(len({e.scene_seed for e in episodes}) == 2 for episodes in played.values())


def test_conditions_of_words_alone_play_the_same_tasks_in_other_words(played):
    told = defaultdict(set)
    for name in ("none", "invented_nouns", "goal_intro_agent", "none@fr", "none@ro", "none@cipher"):
        scenes = sorted(played[name], key=lambda e: e.scene_seed)
        assert [e.task for e in scenes] == [
            e.task for e in sorted(played["none"], key=lambda e: e.scene_seed)
        ]
        for episode in scenes:
            told[episode.scene_seed].add(episode.mission)
    assert all(len(missions) == 5 for missions in told.values())  # goal_intro_agent's verb is English's own


def test_worlds_are_what_their_names_say(played):
    assert all(any(pair in e.mission for pair in HELD_OUT) for e in played["held_out"])
    assert not any(pair in e.mission for pair in HELD_OUT for e in played["none"])
    assert {e.task for e in played["new_composition"]} == {"pickup_then_pickup"}
    for count, name in enumerate(("one", "two", "three", "four"), start=1):
        for episode in played[f"{name}_instruction{'s' * (count > 1)}"]:
            assert episode.mission.count("go to") == count
            assert episode.bot_length > 0
    assert all(e.bot_length > 0 for name in ("larger_room", "more_distractors") for e in played[name])


def test_evaluation_scenes_are_never_training_scenes(played):
    trained = {
        next(training_scene_seeds(seed, slot, n)) for seed in range(3) for slot in range(8) for n in range(50)
    }
    tested = {e.scene_seed for episodes in played.values() for e in episodes}
    assert not trained & tested
    assert max(trained) < TEST_SCENE_BIT <= min(tested)


def test_scenes_are_checked_before_anything_starts(tiny_run):
    run = tiny_run(environment=WORLD)

    def protocol(**values):
        return ProtocolConfig.parse({"name": "generalization", **values}, "test")

    check_scenes(run, protocol(scenes=4, balanced=True), ConditionConfig())
    with pytest.raises(UserError, match="5 is no multiple of the 2 kinds"):
        check_scenes(run, protocol(scenes=5, balanced=True), ConditionConfig())
    with pytest.raises(UserError, match="unknown option"):
        check_scenes(run, protocol(), ConditionConfig(options={"rom_size": 6}))
    with pytest.raises(UserError, match="goto_and_goto_then_goto needs 3 objects, there are 2"):
        check_scenes(run, protocol(), ConditionConfig(options={"kinds": ["goto_and_goto_then_goto"]}))


def test_balanced_scenes_are_the_same_whoever_asks(tiny_run):
    protocol = ProtocolConfig.parse({"name": "generalization", "scenes": 10, "balanced": True}, "test")
    runs = [
        tiny_run(agent, environment={"level": "MixedTrainLocal", "options": {"room_size": 6}})
        for agent in ("random", "bot")
    ]
    one, other = (protocol_scenes(protocol, run, ConditionConfig()) for run in runs)
    assert one == other
    assert len(set(one)) == 10
