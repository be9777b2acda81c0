"""Many episodes of another package's world side by side, as ``VectorEnvironment`` has BabyAI-Text's."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.worlds import describe_world, level_in_world, world_of
from glam_eval.core.errors import UserError
from glam_eval.core.world import (
    EpisodeState,
    EpisodeSummary,
    FirstCommitment,
    GridSnapshot,
    Observation,
    Situation,
    StepResult,
)
from glam_eval.environments.worlds.episode import ComparedEpisode
from glam_eval.environments.worlds.told import UNKNOWN_FIRST, ToldEpisode, expert_episode
from glam_eval.language import PromptMemory, speaker

_NO_GRID = GridSnapshot(b"", 0, 0, 0, 0)
_NO_IMAGE = np.empty(0, np.uint8)


class WorldEnvironment:
    """``slots`` independent episodes of a level of another package's world; no automatic reset.

    Args:
        config: the level, and how it is told.
        slots: how many episodes.

    Raises:
        UserError: for an unknown level or template.
    """

    actions: tuple[str, ...] = ()  # each situation says its own

    def __init__(self, config: EnvironmentConfig, slots: int) -> None:
        world = world_of(config.level)
        if world is None:
            raise UserError(f"level {config.level!r} is of no other package's world")
        self._world, self._level, self._config = world, level_in_world(config.level), config
        self._options = _hashable(config.options)
        self._told: list[ToldEpisode | None] = [None] * slots
        self._missions = [""] * slots
        self._memories = [
            PromptMemory(speaker(config.language), config.template, (), config.remembered)
            for _ in range(slots)
        ]

    def start(self, slot: int, scene_seed: int) -> None:
        """Begin the episode of a scene in a slot; what was there is gone."""
        config = self._config
        told = ToldEpisode(self._world, self._level, scene_seed, config.goal, **config.options)
        self._told[slot] = told
        self._missions[slot] = "" if config.goal_hidden else told.told
        memory = self._memories[slot]
        memory.offer(told.actions)
        memory.begin(None if config.goal_hidden else told.told, told.sentences, scene_seed)

    def _playing(self, slot: int) -> ToldEpisode:
        told = self._told[slot]
        if told is None:
            raise UserError(f"slot {slot} has no episode: call start(slot, scene_seed) first")
        return told

    def _chosen(self, slots: Sequence[int] | None) -> Sequence[int]:
        return range(len(self._told)) if slots is None else slots

    def situations(self, slots: Sequence[int] | None = None) -> list[Situation]:
        """Return what the agents in the slots (default: all) perceive now."""
        return [self._situation(slot) for slot in self._chosen(slots)]

    def _situation(self, slot: int) -> Situation:
        told, memory = self._playing(slot), self._memories[slot]
        return Situation(
            Observation(self._missions[slot], told.sentences, _NO_IMAGE, 0),
            memory.prompt(),
            told.actions,
            told.advise,
            retell=memory.prompt_in,
        )

    def step(self, actions: Sequence[int], slots: Sequence[int] | None = None) -> list[StepResult]:
        """Carry out one action, by index in its situation, in each of the slots (default: all)."""
        chosen = self._chosen(slots)
        return [self._step(slot, int(action)) for slot, action in zip(chosen, actions, strict=True)]

    def _step(self, slot: int, action: int) -> StepResult:
        told, memory = self._playing(slot), self._memories[slot]
        if told.over:
            raise UserError(f"the episode in slot {slot} is over: call start(slot, scene_seed)")
        phrase = told.actions[action] if 0 <= action < len(told.actions) else ""
        result = told.step(action)
        memory.offer(told.actions)
        memory.record(phrase, told.sentences)
        return result

    def summary(self, slot: int) -> EpisodeSummary:
        """Return the counts of the slot's episode, finished or under way."""
        return self._playing(slot).summary(self._missions[slot])

    def state(self, slot: int) -> EpisodeState:
        """Return all that is needed to come back to this moment of the slot's episode."""
        return self._playing(slot).state()

    def restore(self, slot: int, state: EpisodeState) -> None:
        """Come back to a moment of an episode, prompt included, by playing it again."""
        self.start(slot, state.scene_seed)
        for action in state.actions:
            self._step(slot, action)

    def snapshot(self, slot: int) -> GridSnapshot:  # noqa: ARG002
        """Return an empty grid: the world is told, not drawn."""
        return _NO_GRID

    def layout(self, slot: int) -> bytes | None:
        """Return what is in the slot's scene, with its goal; None where the world doesn't tell."""
        told = self._playing(slot)
        if not isinstance(told.episode, ComparedEpisode):
            return None
        return f"{told.episode.layout}\n{told.goal}".encode()

    def expert_length(self, scene_seed: int) -> int:
        """Return the steps that the expert takes on a scene under its own goal, -1 if it fails."""
        return _by_expert(self._world.name, self._level, scene_seed, self._options)[0]

    def expert_first(self, scene_seed: int) -> FirstCommitment:
        """Return the goal that the expert reaches first there; unknown without an expert or other goals."""
        return _by_expert(self._world.name, self._level, scene_seed, self._options)[1]


@lru_cache(maxsize=1 << 16)
def _by_expert(
    world: str, level: str, scene_seed: int, options: tuple[tuple[str, Any], ...]
) -> tuple[int, FirstCommitment]:
    """Return an expert's steps on a scene, -1 if it fails, and the goal that it reaches first."""
    told = expert_episode(describe_world(world), level, scene_seed, options)
    if told is None:
        return -1, UNKNOWN_FIRST
    return len(told.taken) if told.success else -1, told.first()


def _hashable(options: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return options as a key; tables and lists in them as tuples."""

    def frozen(value: Any) -> Any:
        if isinstance(value, dict):
            return tuple((key, frozen(inner)) for key, inner in sorted(value.items()))
        return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value

    return tuple((name, frozen(value)) for name, value in sorted(options.items()))
