"""One episode of another package's world: the goal that is told in it, its steps, what is counted."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from glam_eval.config.environment import ToldGoal
from glam_eval.config.worlds import World
from glam_eval.core.errors import RunFailedError, UserError, described
from glam_eval.core.seeds import stream
from glam_eval.core.text import one_line
from glam_eval.core.world import EpisodeState, EpisodeSummary, FirstCommitment, StepResult
from glam_eval.environments.episode import DIGITS
from glam_eval.environments.worlds.episode import AdvisedEpisode, ManyGoalsEpisode, WorldEpisode

MOST_ACTIONS = len(DIGITS)  # of a step: results have one digit for each
_UNKNOWN: Any = None  # of what is counted on grids alone
UNKNOWN_FIRST = FirstCommitment(_UNKNOWN, _UNKNOWN, _UNKNOWN, math.nan)


class ToldEpisode:
    """An episode as it is told and counted.

    The scene's own goal counts. Where another is told, the episode ends with the first of the two; the first
    commitment is the first goal reached of all that the scene can have.

    Args:
        world: whose it is.
        level: its name within the world.
        scene_seed: of the scene.
        goal: which goal is told.
        options: of the level.

    Raises:
        UserError: if another goal is to be told and the scene has none, or nothing can begin in it.
        RunFailedError: if the world fails, or offers what no agent can choose from.
    """

    def __init__(
        self, world: World, level: str, scene_seed: int, goal: ToldGoal = "told", **options: Any
    ) -> None:
        self._where = f"world {world.name!r}, level {level}, scene {scene_seed}"
        self.scene_seed = scene_seed
        with self._watched():
            self.episode: WorldEpisode = world.begins()(level, scene_seed, **options)
            self.goal = one_line(self.episode.goal)
            self.max_steps: int = self.episode.max_steps
            others = self.episode.others if isinstance(self.episode, ManyGoalsEpisode) else ()
            self.others: tuple[str, ...] = tuple(map(one_line, others))
        self.told = self._choose(goal)
        self.taken: list[int] = []
        self.success = self.success_told = self.over = False
        self.reward = 0.0
        self._first = ""
        self.sentences: tuple[str, ...] = ()
        self.actions: tuple[str, ...] = ()
        self._look()
        with self._watched():
            self._check_beginning(world)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Name the world in whatever its code raises."""
        try:
            yield
        except (UserError, RunFailedError):
            raise
        except Exception as error:  # others' code
            raise RunFailedError(f"{self._where}: {described(error)}") from error

    def _choose(self, goal: ToldGoal) -> str:
        if goal == "told":
            return self.goal
        if goal == "absent" or not self.others:
            raise UserError(f"{self._where}: no {goal} goal can be told in it")
        return self.others[int(stream(self.scene_seed, "told", goal).integers(len(self.others)))]

    def _check_beginning(self, world: World) -> None:
        """Raise a RunFailedError for a scene that breaks what ``WorldEpisode`` and ``World`` promise."""
        goals = (self.goal, *self.others)
        if self.over or not self.goal or self.max_steps < 1:
            raise RunFailedError(f"{self._where}: it is over, has no goal or no steps when it begins")
        if len(set(goals)) < len(goals) or any(map(self._reached, goals)):
            raise RunFailedError(f"{self._where}: two goals are one, or one is reached when it begins")
        if world.has_expert and not isinstance(self.episode, AdvisedEpisode):
            raise RunFailedError(f"{self._where}: its world has an expert, and it has no method 'advise'")

    def _look(self) -> None:
        """Take in what is perceived and can be done now."""
        with self._watched():
            self.sentences = tuple(filter(None, map(one_line, self.episode.observation)))
            self.over = bool(self.episode.over)
            self.actions = () if self.over else self._checked(tuple(self.episode.actions))

    def _checked(self, offered: tuple[str, ...]) -> tuple[str, ...]:
        """Return the actions of a step; raises a RunFailedError where no agent can choose from them."""
        if not 1 <= len(offered) <= MOST_ACTIONS:
            raise RunFailedError(f"{self._where}: it offers {len(offered)} actions, not 1 to {MOST_ACTIONS}")
        if len(set(offered)) < len(offered) or any(one_line(each) != each or not each for each in offered):
            raise RunFailedError(
                f"{self._where}: actions are distinct lines of text, not {', '.join(offered)}"
            )
        return offered

    def _reached(self, goal: str) -> bool:
        if goal == self.goal:
            return bool(self.episode.success)
        return isinstance(self.episode, ManyGoalsEpisode) and bool(self.episode.reached(self._raw(goal)))

    def _raw(self, goal: str) -> str:
        """Return a goal as the world itself wrote it."""
        if goal == self.goal or not isinstance(self.episode, ManyGoalsEpisode):
            return self.episode.goal
        return self.episode.others[self.others.index(goal)]

    def step(self, action: int) -> StepResult:
        """Carry out an action by its index among those offered now.

        Raises:
            UserError: if there is no such action.
            RunFailedError: if the world fails.
        """
        if not 0 <= action < len(self.actions):
            raise UserError(f"there is no action {action}: indices go from 0 to {len(self.actions) - 1}")
        with self._watched():
            self.episode.act(self.actions[action])
            self.taken.append(action)
            reached = [goal for goal in (self.goal, *self.others) if self._reached(goal)]
        self._first = self._first or next(iter(reached), "")
        self.success, self.success_told = self.goal in reached, self.told in reached
        self._look()
        ended = self.over or self.success or self.success_told
        truncated = len(self.taken) >= self.max_steps  # what could still be done is what a critic values
        if self.success:
            self.reward = 1 - 0.9 * (len(self.taken) / self.max_steps)
        self.over = ended or truncated
        return StepResult(self.reward, ended, truncated)

    def advise(self) -> int:
        """Return what the expert does now for the goal told, by its index.

        Raises:
            UserError: if there is no expert.
            RunFailedError: if what it says is not offered.
        """
        if not isinstance(self.episode, AdvisedEpisode):
            raise UserError(f"{self._where}: it has no expert to ask")
        with self._watched():
            action = self.episode.advise(self._raw(self.told))
        if action not in self.actions:
            raise RunFailedError(f"{self._where}: its expert says {action!r}, of {', '.join(self.actions)}")
        return self.actions.index(action)

    def state(self) -> EpisodeState:
        """Return the whole state: the scene and the actions."""
        return EpisodeState(self.scene_seed, tuple(self.taken))

    def summary(self, mission: str) -> EpisodeSummary:
        """Return the counts of the episode so far."""
        return EpisodeSummary(
            task=self.episode.task,
            scene_seed=self.scene_seed,
            mission=mission,
            success=self.success,
            episode_return=self.reward,
            length=len(self.taken),
            actions="".join(DIGITS[action] for action in self.taken),
            steps_blocked=_UNKNOWN,
            cells_visited=_UNKNOWN,
            wrong_object=_UNKNOWN,
            wrong_order=_UNKNOWN,
            success_told=self.success_told,
            first=self.first(),
        )

    def first(self) -> FirstCommitment:
        """Return the first goal reached, beside its chance; unknown where a scene has one goal alone."""
        if not self.others:
            return UNKNOWN_FIRST
        first = self._first
        return FirstCommitment(first, first == self.told, first == self.goal, 1 / (1 + len(self.others)))


def expert_episode(
    world: World, level: str, scene_seed: int, options: Sequence[tuple[str, Any]]
) -> ToldEpisode | None:
    """Return the episode of a scene that the expert played to its end; None where there is no expert."""
    if not world.has_expert:
        return None
    told = ToldEpisode(world, level, scene_seed, **dict(options))
    while not told.over:
        told.step(told.advise())
    return told
