"""Policies without parameters: the uniform one and BabyAI's bot."""

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


class RandomPolicy(FixedPolicy):
    """Uniform over the actions offered."""

    def prepare(self, situation: Situation) -> int:
        """Return the number of actions offered."""
        return len(situation.actions)

    def evaluate(self, inputs: Sequence[int], memory: torch.Tensor | None = None) -> PolicyOutput:  # noqa: ARG002
        """Return the uniform distribution over each input's actions."""
        scores = offered_only(torch.zeros(len(inputs), max(inputs)), inputs)
        return PolicyOutput(scores.log_softmax(dim=1), torch.zeros(len(inputs)))


class BotPolicy(FixedPolicy):
    """BabyAI's planner, which sees the whole grid: the ceiling."""

    def prepare(self, situation: Situation) -> tuple[int, int]:
        """Return the expert's action and the number of actions offered."""
        return situation.expert_action(), len(situation.actions)

    def evaluate(
        self,
        inputs: Sequence[tuple[int, int]],
        memory: torch.Tensor | None = None,  # noqa: ARG002
    ) -> PolicyOutput:
        """Return probability 1 for the expert's action."""
        scores = torch.full((len(inputs), max(count for _, count in inputs)), -torch.inf)
        for row, (action, _) in enumerate(inputs):
            scores[row, action] = 0.0
        return PolicyOutput(scores, torch.zeros(len(inputs)))
