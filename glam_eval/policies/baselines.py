"""Policies without parameters: uniform ones and planners."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from glam_eval.core.world import Situation
from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.network import offered_only


class FixedPolicy:
    """A policy that does not learn: nothing to save, no critic, no memory."""

    memory_size = 0
    cost_at_once = 4096  # inputs: a bound for memory that small networks rarely meet

    def cost(self, prepared: object) -> int:  # noqa: ARG002
        """Return 1: every input is alike."""
        return 1

    def key(self, prepared: object) -> None:
        """Return None: nothing is computed that could be recalled."""

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        """Return no parameters."""
        return ()

    def save(self, directory: Path) -> None:
        """Write nothing."""

    def load(self, directory: Path) -> None:
        """Read nothing."""

    def count_parameters(self) -> int:
        """Return 0."""
        return 0


def build_bot(config: object, actions: int, device: str) -> "BotPolicy":  # noqa: ARG001
    """Return the bot: it has nothing to build."""
    return BotPolicy()


def build_random(config: object, actions: int, device: str) -> "RandomPolicy":  # noqa: ARG001
    """Return the uniform policy: it has nothing to build."""
    return RandomPolicy()


def build_random_useful(config: object, actions: int, device: str) -> "RandomUsefulPolicy":  # noqa: ARG001
    """Return the uniform policy over useful actions: it has nothing to build."""
    return RandomUsefulPolicy()


def build_sweep(config: object, actions: int, device: str) -> "SweepPolicy":  # noqa: ARG001
    """Return the sweep: it has nothing to build."""
    return SweepPolicy()


class RandomPolicy(FixedPolicy):
    """Uniform over the actions offered."""

    def prepare(self, situation: Situation) -> int:
        """Return the number of actions offered."""
        return len(situation.actions)

    def evaluate(self, inputs: Sequence[int], memory: torch.Tensor | None = None) -> PolicyOutput:  # noqa: ARG002
        """Return the uniform distribution over each input's actions."""
        scores = offered_only(torch.zeros(len(inputs), max(inputs)), inputs)
        return PolicyOutput(scores.log_softmax(dim=1), torch.zeros(len(inputs)))


Choice = tuple[tuple[int, ...], int]  # the actions that may be taken, and the number offered


class ChoosingPolicy(FixedPolicy):
    """Uniform over some of the actions offered, whatever is read."""

    def prepare(self, situation: Situation) -> Choice:
        """Return the actions that may be taken, and the number offered."""
        raise NotImplementedError

    def evaluate(self, inputs: Sequence[Choice], memory: torch.Tensor | None = None) -> PolicyOutput:  # noqa: ARG002
        """Return equal probabilities for the actions that may be taken."""
        scores = torch.full((len(inputs), max(count for _, count in inputs)), -torch.inf)
        for row, (actions, _) in enumerate(inputs):
            scores[row, list(actions)] = 0.0
        return PolicyOutput(scores.log_softmax(dim=1), torch.zeros(len(inputs)))


class RandomUsefulPolicy(ChoosingPolicy):
    """Uniform over the actions that the scene's kind of task can need: chance of a walk."""

    def prepare(self, situation: Situation) -> Choice:
        """Return the useful actions and the number offered."""
        return situation.useful_actions, len(situation.actions)


class BotPolicy(ChoosingPolicy):
    """BabyAI's planner, which knows the goal: the ceiling."""

    def prepare(self, situation: Situation) -> Choice:
        """Return the bot's action and the number offered."""
        return (situation.expert_action(),), len(situation.actions)


class SweepPolicy(ChoosingPolicy):
    """A planner that tries things in the nearest order, whatever the goal: the ceiling of walking."""

    def prepare(self, situation: Situation) -> Choice:
        """Return the sweep's action and the number offered."""
        return (situation.sweep_action(),), len(situation.actions)
