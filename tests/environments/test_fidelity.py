"""Our worlds against MiniGrid's own, unmodified: the same layouts, views, rewards and ends on every level."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glam_eval.benchmarks.environments import own_minigrid
from glam_eval.core.seeds import stream
from glam_eval.environments.bot import BOT_ERRORS, Bot
from glam_eval.environments.catalogue import PAPER_LEVELS, level_names, make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.vision import image_of, occlude
from glam_eval.language import speaker

MANIPULATION = [0.15, 0.15, 0.3, 0.15, 0.1, 0.15]  # probabilities of the six actions


def begin(level, scene_seed, **options):
    theirs = own_minigrid(level, **options)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs.reset(seed=scene_seed)
    return Episode(make_scenes(level, **options), scene_seed), theirs


def assert_same_moment(ours, theirs):
    observation = theirs.gen_obs()
    assert np.array_equal(image_of(occlude(ours.world.view())), observation["image"])
    assert ours.world.direction == observation["direction"]


def assert_same_grid(ours, theirs):
    snapshot = ours.world.snapshot()
    assert snapshot.grid == theirs.grid.encode().tobytes()
    assert snapshot.width == theirs.grid.width
    assert (snapshot.agent_x, snapshot.agent_y) == tuple(theirs.agent_pos)


def step_both(ours, theirs, action):
    """Step both, assert the same outcome, and return whether the episode is over."""
    _, reward, terminated, truncated, _ = theirs.step(action)
    result = ours.step(action)
    assert (result.reward, result.terminated, result.truncated) == (reward, terminated, truncated)
    assert_same_moment(ours, theirs)
    return result.done


def play_at_random(level, scene_seed, steps):
    ours, theirs = begin(level, scene_seed)
    assert speaker("en").goal(ours.instruction) == theirs.mission
    assert ours.max_steps == theirs.max_steps
    assert_same_grid(ours, theirs)
    assert_same_moment(ours, theirs)
    for action in stream(scene_seed, "fidelity", level).choice(6, size=steps, p=MANIPULATION):
        if step_both(ours, theirs, int(action)):
            break
    assert_same_grid(ours, theirs)


@pytest.mark.parametrize("level", level_names())
def test_every_level_is_minigrids_own(level):
    play_at_random(level, 7, 40)


@pytest.mark.slow
@pytest.mark.parametrize("level", level_names())
def test_every_level_is_minigrids_own_over_many_scenes(level):
    for scene_seed in range(10):
        play_at_random(level, scene_seed, 150)


def play_with_the_bot(level, scene_seed, slip):
    """Follow the bot, slipping into a random action now and then; return whether the goal was reached."""
    ours, theirs = begin(level, scene_seed)
    bot, generator, action = Bot(theirs), stream(scene_seed, "slips", level), None
    for _ in range(ours.max_steps):
        try:
            action = bot.replan(action)
        except BOT_ERRORS:
            return False
        if generator.random() < slip:
            action = int(generator.choice(6, p=MANIPULATION))
        if step_both(ours, theirs, action):
            break
    assert_same_grid(ours, theirs)
    return ours.success


TOUGH_LEVELS = [
    "BossLevel",
    "MoveTwoAcrossS5N2",
    "OpenDoorsOrderN4",
    "PickupDistDebug",
    "KeyCorridorS3R2",
]


@pytest.mark.parametrize("level", [*PAPER_LEVELS, *TOUGH_LEVELS])
def test_goals_are_reached_when_minigrid_says_so(level):
    reached = [play_with_the_bot(level, scene_seed, slip=0.05) for scene_seed in range(3)]
    assert any(reached)


@pytest.mark.slow
@pytest.mark.parametrize("level", level_names())
def test_goals_are_reached_when_minigrid_says_so_on_every_level(level):
    for scene_seed in range(5):
        play_with_the_bot(level, scene_seed, slip=0.1)


@given(
    level=st.sampled_from(["PutNextLocalS5N3", "PickUpSeqPickUpLocalS5N4", "UnlockLocal", "KeyInBox"]),
    scene_seed=st.integers(0, 2**32 - 1),
    actions=st.lists(st.integers(0, 6), min_size=1, max_size=60),
)
@settings(max_examples=25, deadline=None)
def test_any_actions_lead_where_they_lead_in_minigrid(level, scene_seed, actions):
    ours, theirs = begin(level, scene_seed)
    for action in actions:
        if step_both(ours, theirs, action):
            break
    assert_same_grid(ours, theirs)
