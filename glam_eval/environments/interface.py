"""What rollouts and evaluations know of a world: many episodes side by side, told in words."""

from collections.abc import Sequence
from typing import Protocol

from glam_eval.core.world import (
    EpisodeState,
    EpisodeSummary,
    FirstCommitment,
    GridSnapshot,
    Situation,
    StepResult,
)


class TextEnvironment(Protocol):
    """Independent episodes of one level in slots; no automatic reset. Scenes depend on their seed alone.

    Attributes:
        actions: those offered at every step, by their indices; none where each situation says its own.
    """

    actions: tuple[str, ...]

    def start(self, slot: int, scene_seed: int) -> None:
        """Begin the episode of a scene in a slot; what was there is gone."""

    def situations(self, slots: Sequence[int] | None = None) -> list[Situation]:
        """Return what the agents in the slots (default: all) perceive now."""

    def step(self, actions: Sequence[int], slots: Sequence[int] | None = None) -> list[StepResult]:
        """Carry out one action, by index in its situation, in each of the slots (default: all)."""

    def summary(self, slot: int) -> EpisodeSummary:
        """Return the counts of the slot's episode, finished or under way."""

    def state(self, slot: int) -> EpisodeState:
        """Return all that is needed to come back to this moment of the slot's episode."""

    def restore(self, slot: int, state: EpisodeState) -> None:
        """Come back to a moment of an episode, prompt included, by playing it again."""

    def snapshot(self, slot: int) -> GridSnapshot:
        """Return the whole grid of the slot, for pictures; an empty one where a world is none."""

    def layout(self, slot: int) -> bytes | None:
        """Return what is in the slot's scene now, equal for equal scenes; None where a world doesn't tell."""

    def expert_length(self, scene_seed: int) -> int:
        """Return the steps that the expert takes on a scene under its own goal, -1 if it fails."""

    def expert_first(self, scene_seed: int) -> FirstCommitment:
        """Return what the expert first commits itself to there."""
