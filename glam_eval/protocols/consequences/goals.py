"""Is the goal reached, and which of two is reached sooner? Asked of two goals that one scene can have.

The scene's own goal and the one that is told in its place (``environments.told``) name different things.
Every moment asked about shows things of both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from glam_eval.config.environment import EnvironmentConfig, ToldGoal
from glam_eval.config.protocols import Consequence
from glam_eval.core.seeds import stream
from glam_eval.core.world import Both, GoTo, Instruction, Open, PickUp, PutNext, Reference, Then
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import Episode
from glam_eval.environments.expert import Expert
from glam_eval.environments.told import can_be_told
from glam_eval.environments.vector import Narrator
from glam_eval.environments.vision import COLORS, DOOR_TYPE, NOUNS
from glam_eval.language import speaker
from glam_eval.language.prompts import template_of_scene
from glam_eval.language.questions import questions, render_question
from glam_eval.protocols.consequences.question import Item

_MOVES = 3  # turn left, turn right, go forward: the first actions of every set
_LONGEST_WALK, _WALKS = 6, 6  # steps to a moment that is asked about; of a scene, as many are tried
GOALS: tuple[ToldGoal, ...] = ("told", "swapped")


def reached_groups(world: EnvironmentConfig, scenes: Sequence[int]) -> Iterator[list[Item]]:
    """Yield four items a scene: is the one goal reached, or the other, where the bot reached either?"""
    simulator = _TwoGoals(world)
    for scene in scenes:
        draws = stream(0, "consequences", "reached", scene)
        if not simulator.begin(scene):
            continue
        ends = [simulator.pursue(goal, _walk(draws)) for goal in GOALS]
        if all(end is not None and simulator.shows_both(end.episode) for end in ends):
            yield [
                simulator.reached(goal, end.episode, yes=goal == pursued)
                for (pursued, end), goal in product(zip(GOALS, ends, strict=True), GOALS)
                if end is not None
            ]


def shorter_groups(world: EnvironmentConfig, scenes: Sequence[int]) -> Iterator[list[Item]]:
    """Yield four items a scene: which goal takes fewer steps, where the one does and where the other does?"""
    simulator = _TwoGoals(world)
    for scene in scenes:
        draws = stream(0, "consequences", "shorter", scene)
        if not simulator.begin(scene):
            continue
        nearer: dict[ToldGoal, Episode] = {}
        for walk in (_walk(draws) for _ in range(_WALKS)):
            moment = simulator.after(walk)
            if moment is None or not simulator.shows_both(moment):
                continue
            ends = [simulator.pursue(goal, walk) for goal in GOALS]
            own, other = (end.steps if end else 0 for end in ends)
            if own and other and own != other:
                nearer.setdefault("told" if own < other else "swapped", moment)
        if len(nearer) == len(GOALS):
            yield [
                simulator.shorter(goal, nearer[goal], order)
                for goal, order in product(GOALS, (GOALS, GOALS[::-1]))
            ]


def _walk(draws: np.random.Generator) -> tuple[int, ...]:
    return tuple(map(int, draws.integers(_MOVES, size=int(draws.integers(_LONGEST_WALK + 1)))))


@dataclass(frozen=True, slots=True)
class _End:
    """Where the bot reached a goal, and by how many steps."""

    episode: Episode
    steps: int


class _TwoGoals:
    """A scene with its own goal and another, which the bot pursues, and questions on both."""

    def __init__(self, world: EnvironmentConfig) -> None:
        self._world, self._speaker = world, speaker(world.language, world.shift)
        self._scenes = make_scenes(world.level, **world.options)
        self._tell = Narrator(self._speaker).tell
        self._actions = self._speaker.actions(world.actions)
        self._bots = {goal: Expert(world.level, world.options, goal) for goal in GOALS}
        self._goals: dict[ToldGoal, Instruction] = {}
        self._scene = 0

    def begin(self, scene: int) -> bool:
        """Go to a scene; return whether two simple goals can be told in it that fit no one thing."""
        self._scene = scene
        self._scenes.reset(seed=scene)
        if not can_be_told("swapped", self._scenes, scene):
            return False
        self._goals = {goal: Episode(self._scenes, scene, goal).instruction for goal in GOALS}
        if any(isinstance(goal, Then | Both) for goal in self._goals.values()):
            return False
        return all(reference.location is None for reference in self._references())

    def after(self, walk: Sequence[int]) -> Episode | None:
        """Return the scene's episode after some steps; None where it is over by then."""
        episode = Episode(self._scenes, self._scene, "swapped")  # watches both goals
        for action in walk:
            if episode.over:
                return None
            episode.step(action)
        return None if episode.over else episode

    def pursue(self, goal: ToldGoal, walk: Sequence[int]) -> _End | None:
        """Return where the bot reaches a goal after some steps, without reaching the other."""
        episode = self.after(walk)
        if episode is None:
            return None
        while not episode.over:
            action = self._bots[goal].advise(self._scene, episode.minigrid_actions)
            if action >= len(self._actions):
                return None
            episode.step(action)
        reached = episode.success, episode.success_told
        return _End(episode, len(episode.actions) - len(walk)) if reached == _reached(goal) else None

    def shows_both(self, episode: Episode) -> bool:
        """Return whether things of both goals are told of, seen or carried."""
        _, image = self._tell(episode.world.view())
        kinds = {(int(kind), int(color)) for kind, color, _ in image.reshape(-1, 3) if kind >= DOOR_TYPE}
        shown = {(NOUNS[kind - DOOR_TYPE], COLORS[color]) for kind, color in kinds}
        return all(any(_fits(reference, *each) for each in shown) for reference in self._references())

    def _references(self) -> Iterator[Reference]:
        """Yield how the two goals name things."""
        for goal in self._goals.values():
            if isinstance(goal, PutNext):
                yield from (goal.target, goal.beside)
            elif isinstance(goal, GoTo | PickUp | Open):
                yield goal.target

    def reached(self, goal: ToldGoal, episode: Episode, *, yes: bool) -> Item:
        """Return the question whether a goal is reached in a moment."""
        words = questions(self._speaker.goal_voice.language)
        told = self._speaker.goal(self._goals[goal])
        prompt, bare = self._render(told, episode, words.reached)
        return self._item("reached", told, prompt, bare, (words.yes, words.no), 0 if yes else 1)

    def shorter(self, nearer: ToldGoal, episode: Episode, order: Sequence[ToldGoal]) -> Item:
        """Return the question which of two goals, named in an order, takes fewer steps from a moment."""
        words = questions(self._speaker.goal_voice.language)
        first, second = (self._speaker.goal(self._goals[goal]) for goal in order)
        asked = words.shorter.format(first=first, second=second)
        prompt, bare = self._render(None, episode, asked)
        return self._item("shorter", asked, prompt, bare, (first, second), order.index(nearer))

    def _render(self, goal: str | None, episode: Episode, asked: str) -> tuple[str, str]:
        sentences, _ = self._tell(episode.world.view())
        template = template_of_scene(self._world.template, self._scene)
        return render_question(self._speaker, template, self._actions, goal, sentences, asked)

    def _item(
        self, kind: Consequence, asked: str, prompt: str, bare: str, candidates: tuple[str, ...], answer: int
    ) -> Item:
        return Item(kind, self._scene, asked, prompt, bare, candidates, answer)


def _reached(goal: ToldGoal) -> tuple[bool, bool]:
    """Return what an episode says of its own goal and of the other where exactly one is reached."""
    return goal == "told", goal == "swapped"


def _fits(reference: Reference, noun: str, color: str) -> bool:
    return reference.noun in (None, noun) and reference.color in (None, color)
