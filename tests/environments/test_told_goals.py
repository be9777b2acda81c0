"""Goals told in place of a scene's own: other things of the scene, or none of it; or no goal at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.core.world import Reference
from glam_eval.environments import VectorEnvironment
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.goals import instruction_of, references_in, task_of
from glam_eval.environments.told import can_be_told, told_instruction
from glam_eval.language import render_prompt, speaker

FORWARD, PICK_UP = 2, 3
LEVELS = [
    "GoToLocal", "PickupLocal", "PutNextLocal", "MixedTrainLocal", "PickUpSeqPickUpLocal",
    "GoToAfterPickUpLocal", "StrictPutNextLocal", "StrictOpenDoor", "Pickup", "GoToObjDoor", "GoToSeq",
    "PickupDist", "PickupLoc", "OpenDoorLoc",
]  # fmt: skip


def told(level, scene_seed, goal):
    env = make_scenes(level)
    env.reset(seed=scene_seed)
    meant = instruction_of(env.instrs)
    try:
        return env, meant, instruction_of(told_instruction(goal, env, scene_seed))
    except UserError:
        return env, meant, None


def fitting(env, reference: Reference):
    """The cells of things that a reference fits, by noun and colour alone."""
    return {
        cell
        for cell, thing in enumerate(env.grid.grid)
        if thing is not None
        and reference.noun in (None, thing.type)
        and reference.color in (None, thing.color)
    }


@given(level=st.sampled_from(LEVELS), scene_seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_swapped_goal_names_other_things_of_the_scene(level, scene_seed):
    env, meant, swapped = told(level, scene_seed, "swapped")
    if swapped is None:
        return
    assert task_of(swapped) == task_of(meant)
    located = any(reference.location for reference in references_in(meant))
    taken = set().union(*(fitting(env, reference) for reference in references_in(meant)))
    for reference in references_in(swapped):
        cells = fitting(env, reference)
        assert cells
        assert located or not cells & taken
        taken |= cells
    named = [(each.noun, each.color, each.location) for each in references_in(meant) + references_in(swapped)]
    assert located or len(set(references_in(swapped))) == len(references_in(swapped))
    assert not set(named[: len(named) // 2]) & set(named[len(named) // 2 :])


@given(level=st.sampled_from(LEVELS), scene_seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_an_absent_goal_fits_nothing(level, scene_seed):
    env, meant, absent = told(level, scene_seed, "absent")
    if absent is None:
        return
    assert task_of(absent) == task_of(meant)
    for reference in references_in(absent):
        assert reference.location or not fitting(env, reference)


@pytest.mark.parametrize("level", [*LEVELS[:3], *LEVELS[4:8]])
def test_most_scenes_with_eight_things_can_be_told_otherwise(level):
    for goal in ("swapped", "absent"):
        env, possible = make_scenes(level), 0
        for scene_seed in range(30):
            env.reset(seed=scene_seed)
            possible += can_be_told(goal, env, scene_seed)
        assert possible >= 24, goal


def test_things_are_swapped_evenly():
    """Any other kind of thing in the room is told of, the nearest no more than the farthest."""
    ranks = []
    for scene_seed in range(300):
        env, meant, swapped = told("PickupLocal", scene_seed, "swapped")
        (own,), (other,) = references_in(meant), references_in(swapped)
        distances = {}
        for cell, thing in enumerate(env.grid.grid):
            if thing is not None and thing.type != "wall":
                x, y = cell % env.grid.width, cell // env.grid.width
                distance = abs(x - env.agent_pos[0]) + abs(y - env.agent_pos[1])
                kind = thing.type, thing.color
                distances[kind] = min(distance, distances.get(kind, distance))
        others = sorted(distances.keys() - {(own.noun, own.color)}, key=lambda kind: (distances[kind], kind))
        ranks.append(others.index((other.noun, other.color)) / (len(others) - 1))
    assert abs(sum(ranks) / len(ranks) - 0.5) < 3 * 0.34 / 300**0.5  # 0.34: deviation of 7 even ranks


def test_the_same_goal_is_told_in_every_language():
    for goal in ("swapped", "absent"):
        missions = {}
        for language in ("en", "fr", "de"):
            world = VectorEnvironment("PutNextLocal", 1, language=language, goal=goal)
            world.start(0, 4)
            missions[language] = world.situations()[0].observation.mission
        instruction = told("PutNextLocal", 4, goal)[2]
        assert missions == {code: speaker(code).goal(instruction) for code in missions}


@pytest.mark.parametrize("template", ["paper", "prose"])
def test_a_hidden_goal_leaves_out_its_label_and_nothing_else(template):
    hidden = VectorEnvironment("GoToLocal", 1, template=template, goal_hidden=True)
    shown = VectorEnvironment("GoToLocal", 1, template=template)
    for world in (hidden, shown):
        world.start(0, 3)
        world.step([1])
    without, usual = (world.situations()[0] for world in (hidden, shown))
    assert without.observation.mission == "" and usual.observation.mission
    label = {"paper": " \n Goal of the agent: ", "prose": " Your task: "}[template]
    ending = {"paper": "", "prose": "."}[template]
    assert usual.prompt.count(label) == 1
    assert without.prompt == usual.prompt.replace(f"{label}{usual.observation.mission}{ending}", "")
    sentences = usual.observation.sentences
    alone, with_x = (
        render_prompt(speaker(), template, ["go"], goal, [sentences], []) for goal in (None, "x")
    )
    assert alone == with_x.replace(f"{label}x{ending}", "")


def test_an_episode_ends_with_whichever_goal_is_reached_first():
    """A walk in rooms of two things, told of the other one: the thing it first faces decides."""
    env, ends = make_scenes("GoToLocalS5N2"), []
    for scene_seed in range(30):
        env.reset(seed=scene_seed)
        if not can_be_told("swapped", env, scene_seed):
            continue
        walk = Episode(env, scene_seed, "swapped")
        for action in stream(scene_seed, "walk").choice([1, FORWARD], size=25, p=[0.35, 0.65]):
            if not walk.over:
                walk.step(int(action))
        first = walk.commitments.first()
        assert (walk.success, walk.success_told) == (first.meant, first.told)
        assert len(walk.commitments.things) <= 1
        ends.append((walk.success, walk.success_told))
    assert {(True, False), (False, True)} <= set(ends) and (True, True) not in ends


def test_a_strict_goal_that_is_lost_does_not_end_what_is_told():
    """Lifting the thing that is told ends the scene's own strict goal, but the told one has yet to be put."""
    for scene_seed in range(10):
        world = VectorEnvironment("StrictPutNextLocal", 1, goal="swapped")
        world.start(0, scene_seed)
        while not world.step([world.situations()[0].expert_action()])[0].done:
            pass
        summary = world.summary(0)
        assert (summary.success, summary.success_told, summary.episode_return) == (False, True, 0.0)
        assert str(PICK_UP) in summary.actions[:-1]
