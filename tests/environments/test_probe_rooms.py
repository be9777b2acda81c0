"""Probes: what is said to be right is what begins a shortest way, found by looking at every way."""

import copy

import pytest

from glam_eval.core.world import EpisodeState
from glam_eval.environments import VectorEnvironment
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.probes import ACTIONS, PROBES_LEVEL, probes

PROBES = {probe.name: number for number, probe in enumerate(probes())}


def clone(episode):
    world = episode.world
    shared = {id(thing): thing for thing in (world.frame, *world.natures)}
    return copy.deepcopy(episode, shared)


def state_of(episode):
    """All that the future depends on: the world, and how much of a sequence is done."""
    world = episode.world
    return bytes(world.codes), world.cell, world.direction, getattr(episode._goals[0], "_first_done", None)


def shortest_beginnings(episode, most=9):
    """Return the first actions of all shortest ways to the goal."""
    frontier = {}
    for action in range(len(ACTIONS)):
        child = clone(episode)
        child.step(action)
        frontier.setdefault(state_of(child), (child, set()))[1].add(action)
    seen = {state_of(episode)}
    for _ in range(most):
        reached = set().union(*(firsts for child, firsts in frontier.values() if child.success))
        if reached:
            return reached
        seen |= set(frontier)
        further = {}
        for child, firsts in frontier.values():
            for action in range(len(ACTIONS)):
                next_one = clone(child)
                next_one.step(action)
                if state_of(next_one) not in seen:
                    further.setdefault(state_of(next_one), (next_one, set()))[1].update(firsts)
        frontier = further
    raise AssertionError("no short way to the goal")


@pytest.mark.parametrize("name", PROBES)
def test_expected_actions_are_those_that_begin_a_shortest_way(name):
    probe = probes()[PROBES[name]]
    episode = Episode(make_scenes(PROBES_LEVEL), PROBES[name])
    for action in probe.taken:
        before = state_of(episode)
        episode.step(action)
        assert state_of(episode) != before
    assert shortest_beginnings(episode) == set(probe.expected)


# The bot first lays down what it no longer needs, which no shortest way does.
@pytest.mark.parametrize("name", sorted(PROBES.keys() - {"sequence_second"}))
def test_the_bot_does_what_is_expected(name):
    probe = probes()[PROBES[name]]
    world = VectorEnvironment(PROBES_LEVEL, 1)
    world.restore(0, EpisodeState(PROBES[name], probe.taken))
    assert world.situations()[0].expert_action() in probe.expected


def test_probes_cover_the_tasks_and_the_actions():
    tasks = [probe.task for probe in probes()]
    assert len(PROBES) == len(tasks) >= 13
    assert tasks.count("goto") >= 2
    assert set(tasks) == {"goto", "pickup", "putnext", "open", "sequence"}
    assert set().union(*(probe.expected for probe in probes())) == set(range(len(ACTIONS)))


def test_a_probe_is_told_like_any_scene():
    world = VectorEnvironment(PROBES_LEVEL, 1, language="fr")
    number = PROBES["sequence_second"]
    world.restore(0, EpisodeState(number, probes()[number].taken))
    [situation] = world.situations()
    assert situation.observation.mission == "ramasse la clef bleue puis va à la balle jaune"
    assert "Tu portes une clef bleue" in situation.observation.sentences
    assert "Tu vois une balle jaune 3 pas à gauche" in situation.observation.sentences
    assert situation.prompt.index("attraper") < situation.prompt.index("Tu portes")


def test_what_a_probe_shows_can_be_read_off_its_drawing():
    world = VectorEnvironment(PROBES_LEVEL, 1)
    world.start(0, PROBES["go_to_beside_the_way"])
    assert world.situations()[0].observation.sentences == (
        "You see a wall 3 steps forward",
        "You see a wall 1 step right",
        "You see a red key 2 steps left",
        "You see a yellow ball 1 step left and 2 steps forward",
    )
