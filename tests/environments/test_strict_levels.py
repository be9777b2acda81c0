"""Strict levels: step by step with MiniGrid's own verifiers, and what ends an episode."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid.core.world_object import Ball, Key
from minigrid.envs.babyai.core.verifier import (
    GoToInstr,
    ObjDesc,
    OpenInstr,
    PickupInstr,
    PutNextInstr,
)
from test_fidelity import assert_same_grid, begin, step_both

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.environments import VectorEnvironment, bot_length
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.sweep import sweep_action, useful_actions

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE = range(6)
STRICT = ["StrictGoToLocal", "StrictPickupLocal", "StrictPutNextLocal", "StrictOpenDoor"]
SMALL = ["StrictGoToLocalS5N2", "StrictPickupLocalS5N2", "StrictPutNextLocalS5N3", "StrictOpenDoor"]


def sweep(ours, theirs, slip):
    """Try things in the nearest order with some slips, in both worlds; return ours at its end."""
    slips = stream(ours.scene_seed, "slips")
    while not ours.over:
        action = sweep_action(ours.world, ours.commitments)
        if slips.random() < slip:
            action = int(slips.integers(6))
        step_both(ours, theirs, action)
    assert_same_grid(ours, theirs)
    return ours


@pytest.mark.parametrize("level", [*STRICT, *SMALL])
def test_strict_levels_end_when_the_verifiers_say_so(level):
    """Those of MiniGrid for picking up and opening; of its kind, for going to and putting."""
    ends = {True: 0, False: 0}
    for scene_seed in range(12):
        played = sweep(*begin(level, scene_seed), slip=0.1)
        ends[played.success] += 1
        assert not played.success or played.reward > 0
    assert ends[False] > 0
    assert ends[True] > 0 or level == "StrictPutNextLocal"  # 56 pairs


@given(
    level=st.sampled_from(SMALL),
    scene_seed=st.integers(0, 2**32 - 1),
    actions=st.lists(st.integers(0, 6), min_size=1, max_size=60),
)
@settings(max_examples=30, deadline=None)
def test_any_actions_end_strict_episodes_as_the_verifiers_do(level, scene_seed, actions):
    ours, theirs = begin(level, scene_seed)
    for action in actions:
        if step_both(ours, theirs, action):
            break


@pytest.mark.parametrize(
    ("level", "strict"), [("StrictPickupLocal", PickupInstr), ("StrictOpenDoor", OpenInstr)]
)
def test_picking_up_and_opening_are_verified_by_minigrid_itself(level, strict):
    env = make_scenes(level)
    env.reset(seed=0)
    assert type(env.instrs) is strict and env.instrs.strict


def test_strict_putting_is_minigrids_but_for_lifting_the_right_thing():
    """MiniGrid's strict verifier fails on any lifting, its usual one never fails."""
    compared = 0
    for scene_seed in range(25):
        ours, strict = begin("StrictPutNextLocalS6N4", scene_seed)
        strict.instrs = PutNextInstr(strict.instrs.desc_move, strict.instrs.desc_fixed, strict=True)
        strict.instrs.reset_verifier(strict)
        moved = ours.world.numbers([])
        while not ours.over:
            action = sweep_action(ours.world, ours.commitments)
            result = ours.step(action)
            _, _, ended, _, _ = strict.step(action)
            lifted = ours.world.carried
            if lifted >= 0:
                nature = ours.world.natures[lifted]
                moved = (strict.instrs.desc_move.color, strict.instrs.desc_move.type)
                assert ended
                assert result.terminated == ((nature.color, nature.type) != moved)
                compared += 1
                break
            assert result.terminated == ended
    assert compared > 15


def test_strict_putting_succeeds_where_minigrids_usual_verifier_does():
    for scene_seed in range(15):
        ours, usual = begin("StrictPutNextLocal", scene_seed)
        usual.instrs = PutNextInstr(usual.instrs.desc_move, usual.instrs.desc_fixed)
        usual.instrs.reset_verifier(usual)
        bot = make_bot(usual)
        while not ours.over:
            action = int(bot.replan())
            _, reward, _, _, _ = usual.step(action)
            ours.step(action)
            assert ours.success == (reward > 0)
        assert ours.success


def make_bot(env):
    from glam_eval.environments.bot import Bot

    return Bot(env)


@pytest.mark.parametrize("level", [*STRICT, *SMALL[:3]])
def test_the_bot_solves_strict_levels(level):
    assert all(bot_length(level, scene_seed) > 0 for scene_seed in range(15))


def room(strict):
    """A red ball two cells ahead and a blue key two cells below, in a strict or usual level."""
    env = make_scenes("StrictGoToLocalS6N4")
    real_reset = env.reset

    def reset(seed):
        real_reset(seed=seed)
        for x in range(1, 5):
            for y in range(1, 5):
                env.grid.set(x, y, None)
        env.agent_pos, env.agent_dir = (1, 1), 0
        env.put_obj(Ball("red"), 3, 1)
        env.put_obj(Key("blue"), 1, 3)
        env.instrs = type(env.instrs)(ObjDesc("key", "blue")) if strict else GoToInstr(ObjDesc("key", "blue"))
        env.instrs.reset_verifier(env)

    env.reset = reset
    return Episode(env, 0)


def outcomes(episode, actions):
    return [(episode.step(action).terminated, episode.success) for action in actions]


def test_only_walking_into_a_thing_decides_a_strict_go_to():
    going_on, lost, won = (False, False), (True, False), (True, True)
    passing = [FORWARD, LEFT, RIGHT, PICK_UP]  # faces the ball, looks away and back; the pick-up lifts it
    assert outcomes(room(strict=True), passing[:3]) == [going_on] * 3
    assert outcomes(room(strict=True), [FORWARD, FORWARD]) == [going_on, lost]
    assert outcomes(room(strict=True), [RIGHT, FORWARD, FORWARD]) == [going_on, going_on, won]
    assert outcomes(room(strict=True), [LEFT, FORWARD, FORWARD]) == [going_on] * 3  # a wall is no thing
    assert outcomes(room(strict=False), [RIGHT, FORWARD]) == [going_on, won]  # usually facing it is enough


def test_what_is_faced_first_is_the_first_commitment():
    usual, strict = room(strict=False), room(strict=True)
    for episode in (usual, strict):
        outcomes(episode, [FORWARD, LEFT, LEFT, LEFT])
    assert usual.commitments.first().thing == "red ball"
    assert strict.commitments.first().thing == ""
    assert usual.commitments.first().chance == strict.commitments.first().chance == 0.5
    assert not usual.commitments.first().told
    strict = room(strict=True)
    outcomes(strict, [RIGHT, FORWARD, FORWARD])
    assert (strict.commitments.first().thing, strict.commitments.first().meant) == ("blue key", True)


def test_chance_counts_descriptions_not_things():
    env = make_scenes("PickupLocal")
    for scene_seed in range(20):
        episode = Episode(env, scene_seed)
        kinds = {(thing.type, thing.color) for thing in env.grid.grid if thing and thing.type != "wall"}
        assert episode.commitments.first().chance == pytest.approx(1 / len(kinds))


def test_lifting_or_opening_or_putting_commits_and_nothing_before_it():
    for level, action in (("PickupLocal", PICK_UP), ("PutNextLocal", DROP), ("StrictOpenDoor", TOGGLE)):
        for scene_seed in range(6):
            ours, _ = begin(level, scene_seed)
            bot = make_bot(begin(level, scene_seed)[1])
            while not ours.over:
                assert ours.commitments.first().thing == ""
                move = int(bot.replan())
                bot.mission.step(move)
                ours.step(move)
            assert move == action
            assert ours.commitments.first().told and ours.commitments.first().meant


@pytest.mark.parametrize("level", ["GoToLocal", "PickupLocal", "UnlockLocal", "OpenDoor", "GoToLocalS5N2"])
def test_the_sweep_tries_each_thing_once_and_finds_the_goal_where_nothing_is_lost(level):
    """Without strictness and with time enough every thing is tried, so the goal is reached."""
    env = make_scenes(level, max_steps=2000)
    for scene_seed in range(8):
        episode = Episode(env, scene_seed)
        while not episode.over:
            episode.step(sweep_action(episode.world, episode.commitments))
        assert episode.success
        assert len(set(episode.commitments.things)) == len(episode.commitments.things)


def test_the_sweep_and_useful_actions_are_the_same_whatever_is_told():
    for scene_seed in range(10):
        told, swapped = (Episode(make_scenes("PickupLocal"), scene_seed, g) for g in ("told", "swapped"))
        for _ in range(40):
            actions = [sweep_action(each.world, each.commitments) for each in (told, swapped)]
            assert actions[0] == actions[1]
            if told.over or swapped.over:
                break
            told.step(actions[0])
            swapped.step(actions[1])


def test_useful_actions_are_those_that_a_kind_of_task_needs():
    assert useful_actions(("goto",)) == useful_actions(("walk into",)) == (LEFT, RIGHT, FORWARD)
    assert useful_actions(("pickup",)) == (LEFT, RIGHT, FORWARD, PICK_UP)
    assert useful_actions(("goto", "pickup")) == (LEFT, RIGHT, FORWARD, PICK_UP)
    assert useful_actions(("putnext",)) == (LEFT, RIGHT, FORWARD, PICK_UP, DROP)
    assert useful_actions(("open",)) == tuple(range(6))


def test_actions_that_are_not_offered_are_neither_useful_nor_swept():
    world = VectorEnvironment("PickupLocal", 1, actions="restricted")
    world.start(0, 0)
    assert world.situations()[0].useful_actions == (LEFT, RIGHT, FORWARD)
    with pytest.raises(UserError, match="the sweep needs an action that this action set does not offer"):
        for _ in range(64):
            world.step([world.situations()[0].sweep_action()])


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_time_is_a_multiple_of_the_bots_steps(factor):
    usual, timed = make_scenes("PickupLocal"), make_scenes("PickupLocal", time_factor=factor)
    for scene_seed in range(10):
        usual.reset(seed=scene_seed)
        timed.reset(seed=scene_seed)
        assert timed.grid == usual.grid and timed.mission == usual.mission
        steps = bot_length("PickupLocal", scene_seed)
        assert timed.max_steps == math.ceil(factor * steps)
        assert bot_length("PickupLocal", scene_seed, time_factor=factor) == steps


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ("pickup_then_goto",), "strict": True}, "pickup_then_goto can't be strict"),
        ({"time_factor": 0.5}, "time_factor is 0.5: the bot itself needs 1"),
    ],
)
def test_impossible_strictness_is_one_line(options, message):
    with pytest.raises(UserError, match=message):
        make_scenes("PickupLocal", **options)
