"""The vector environment: prompts, counts, restored moments, the expert."""

import numpy as np
import pytest
from minigrid.core.world_object import Ball, Box, Key
from minigrid.envs.babyai.core.verifier import BeforeInstr, GoToInstr, ObjDesc, PickupInstr

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.core.world import IDLE
from glam_eval.environments import VectorEnvironment
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.language import render_prompt

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)


def perceived(situation):
    seen = situation.observation
    return situation.prompt, seen.mission, seen.sentences, seen.image.tobytes(), seen.direction


def test_slots_are_independent_of_each_other():
    """Three slots together, at different paces, are the same as each alone."""
    actions = stream(0, "slots").integers(6, size=(30, 3))
    together = VectorEnvironment("MixedTrainLocal", 3)
    alone = [VectorEnvironment("MixedTrainLocal", 1) for _ in range(3)]
    for slot in range(3):
        together.start(slot, 50 + slot)
        alone[slot].start(0, 50 + slot)
    for row in actions:
        playing = [slot for slot in range(3) if row[slot] != TOGGLE]  # some pause at times
        results = together.step([row[slot] for slot in playing], playing)
        assert results == [alone[slot].step([row[slot]])[0] for slot in playing]
        for slot in range(3):
            assert perceived(together.situations()[slot]) == perceived(alone[slot].situations()[0])
        assert perceived(together.situations([2])[0]) == perceived(together.situations()[2])
    assert [together.summary(slot) for slot in range(3)] == [world.summary(0) for world in alone]


@pytest.mark.parametrize(("template", "remembered"), [("paper", 3), ("prose", 5), ("paper", 1)])
def test_prompts_hold_the_last_observations_and_actions(template, remembered):
    world = VectorEnvironment("GoToLocal", 1, language="fr", template=template, remembered=remembered)
    world.start(0, 3)
    told, taken = [world.situations()[0].observation.sentences], []
    for action in (LEFT, FORWARD, RIGHT, RIGHT, FORWARD, LEFT):
        world.step([action])
        told.append(world.situations()[0].observation.sentences)
        taken.append(world.actions[action])
        kept = told[-remembered:]
        expected = render_prompt(
            world.speaker,
            template=template,
            actions=world.actions,
            goal=world.situations()[0].observation.mission,
            observations=kept,
            taken=taken[len(taken) - len(kept) + 1 :],
        )
        assert world.situations()[0].prompt == expected


def test_a_restored_moment_is_the_same_to_the_bit():
    world, other = (VectorEnvironment("MixedTrainLocal", 2) for _ in range(2))
    world.start(1, 11)
    for action in stream(1, "restore").integers(6, size=20).tolist():
        if world.step([action], [1])[0].done:
            break
    other.restore(0, world.state(1))
    assert perceived(other.situations([0])[0]) == perceived(world.situations([1])[0])
    assert other.summary(0) == world.summary(1)
    assert other.snapshot(0) == world.snapshot(1)
    assert other.situations([0])[0].expert_action() == world.situations([1])[0].expert_action()


def test_augmented_actions_do_nothing_and_count_as_steps():
    world = VectorEnvironment("GoToLocal", 1, actions="augmented")
    world.start(0, 4)
    before = world.snapshot(0)
    for action in (6, 7, 8):
        assert not world.step([action])[0].done
    assert world.snapshot(0) == before
    assert (world.summary(0).length, world.summary(0).actions) == (3, "678")


def test_time_runs_out():
    world = VectorEnvironment("GoToLocal", 1, actions="augmented")
    world.start(0, 4)
    results = [world.step([6])[0] for _ in range(64)]
    assert [result.truncated for result in results] == [False] * 63 + [True]
    assert not results[-1].terminated
    assert (world.summary(0).success, world.summary(0).episode_return) == (False, 0.0)
    with pytest.raises(UserError, match="is over"):
        world.step([6])


def stage(layout):
    """An episode in a room that a function lays out by hand, the agent at (1, 1) facing right."""
    env = make_scenes("PickUpThenGoToLocal")
    env.reset(seed=0)
    real_reset = env.reset

    def reset(seed):
        real_reset(seed=seed)
        layout(env)
        env.instrs.reset_verifier(env)

    env.reset = reset
    return Episode(env, 0)


def sequence_room(env):
    """Red ball two cells ahead, blue key two cells below; goal: pick up the ball, then go to the key."""
    for x in range(1, 7):
        for y in range(1, 7):
            env.grid.set(x, y, None)
    env.agent_pos, env.agent_dir = (1, 1), 0
    env.put_obj(Ball("red"), 3, 1)
    env.put_obj(Key("blue"), 1, 3)
    env.put_obj(Box("green"), 6, 6)
    first, second = PickupInstr(ObjDesc("ball", "red")), GoToInstr(ObjDesc("key", "blue"))
    env.instrs = BeforeInstr(first, second)


def play(episode, actions):
    return [episode.step(action) for action in actions]


def test_a_sequence_in_order():
    episode = stage(sequence_room)
    results = play(episode, [FORWARD, PICK_UP, RIGHT, RIGHT, FORWARD, LEFT, FORWARD])
    assert [result.done for result in results] == [False] * 6 + [True]
    summary = episode.summary("")
    assert summary.success
    assert not summary.wrong_order
    assert not summary.wrong_object
    assert summary.task == "pickup_then_goto"


def test_a_sequence_in_the_wrong_order_goes_on_and_is_noted():
    episode = stage(sequence_room)
    play(episode, [RIGHT, FORWARD])  # faces the key before the ball is picked up
    assert not episode.over
    assert episode.summary("").wrong_order
    play(episode, [LEFT, LEFT, FORWARD, RIGHT, FORWARD, PICK_UP])
    play(episode, [RIGHT, RIGHT, FORWARD, LEFT, FORWARD])
    assert episode.success


def test_blocked_steps_visited_cells_and_return():
    episode = stage(sequence_room)
    play(episode, [LEFT, FORWARD, FORWARD, RIGHT, FORWARD, FORWARD, PICK_UP, RIGHT, RIGHT, FORWARD, LEFT])
    summary = episode.summary("the goal")
    assert summary.actions == "02212231120"
    assert (summary.steps_blocked, summary.cells_visited, summary.length) == (3, 2, 11)
    assert summary.success is False
    result = play(episode, [FORWARD])[0]
    assert result.reward == summary_return(12) == episode.summary("").episode_return
    assert (result.terminated, result.truncated) == (True, False)


def summary_return(steps, max_steps=128):
    return 1 - 0.9 * steps / max_steps


@pytest.mark.parametrize(
    ("actions", "wrong"),
    [
        ([RIGHT, FORWARD, PICK_UP], False),  # the key is named by the goal's second part
        ([FORWARD, TOGGLE], False),  # toggling the ball the goal names
        ([FORWARD, RIGHT, PICK_UP], False),  # nothing there
    ],
)
def test_named_objects_are_not_wrong(actions, wrong):
    episode = stage(sequence_room)
    play(episode, actions)
    assert episode.summary("").wrong_object is wrong


def test_touching_an_object_that_the_goal_does_not_name_is_wrong():
    episode = stage(sequence_room)
    play(episode, [RIGHT, LEFT, FORWARD, RIGHT, *[FORWARD] * 5, LEFT, *[FORWARD] * 3])
    assert not episode.summary("").wrong_object  # passing is not touching
    play(episode, [PICK_UP])
    assert episode.summary("").wrong_object


def test_the_key_of_a_locked_door_is_no_wrong_object():
    for scene_seed in range(3):
        world = VectorEnvironment("MixedTrainLocal", 1, kinds=("open",))
        world.start(0, scene_seed)
        while not world.step([world.situations()[0].expert_action()])[0].done:
            pass
        summary = world.summary(0)
        assert summary.success
        assert str(PICK_UP) in summary.actions and not summary.wrong_object
        assert summary.task == "open"


def test_wrong_use_is_named():
    with pytest.raises(UserError, match="unknown language 'frr'"):
        VectorEnvironment("GoToLocal", 1, language="frr")
    with pytest.raises(UserError, match="unknown shift"):
        VectorEnvironment("GoToLocal", 1, shift="invented_nuns")
    with pytest.raises(UserError, match="unknown action set 'cannonical'"):
        VectorEnvironment("GoToLocal", 1, actions="cannonical")
    world = VectorEnvironment("GoToLocal", 2)
    with pytest.raises(UserError, match="slot 1 has no episode"):
        world.situations([1])
    world.start(0, 0)
    for action in (-1, IDLE + 1):
        with pytest.raises(UserError, match="indices go from 0 to 5"):
            world.step([action], [0])


def test_images_cannot_be_changed_behind_the_environments_back():
    world = VectorEnvironment("GoToLocal", 1)
    world.start(0, 0)
    image = world.situations()[0].observation.image
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 9
    assert image.dtype == np.uint8
