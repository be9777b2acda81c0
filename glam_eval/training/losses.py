"""The losses of proximal policy optimisation (Schulman et al., arXiv 1707.06347), of steps or sequences."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glam_eval.config.ppo import PPOConfig
from glam_eval.policies.base import Policy, PolicyOutput, RepresentingPolicy, SequencePolicy
from glam_eval.training.contrastive import Contrasts, contrastive_loss


@dataclass(frozen=True, slots=True)
class Losses:
    """Loss terms of one micro-batch, each summed over its samples."""

    policy: torch.Tensor
    value: torch.Tensor
    entropy: torch.Tensor
    approx_kl: torch.Tensor
    clipped: torch.Tensor
    contrastive: torch.Tensor | None = None

    def objective(self, config: PPOConfig) -> torch.Tensor:
        """Return what is minimised."""
        loss = self.policy + config.value_coefficient * self.value - config.entropy_coefficient * self.entropy
        return loss if self.contrastive is None else loss + config.contrastive * self.contrastive

    def sums(self) -> torch.Tensor:
        """Return all terms, (6,) float64 where they were computed; the contrastive one last, 0 without it."""
        contrastive = torch.zeros_like(self.policy) if self.contrastive is None else self.contrastive
        terms = (self.policy, self.value, self.entropy, self.approx_kl, self.clipped, contrastive)
        return torch.stack([term.detach() for term in terms]).double()


def ppo_losses(
    log_probabilities: torch.Tensor,
    values: torch.Tensor,
    actions: torch.Tensor,
    old_log_probabilities: torch.Tensor,
    old_values: torch.Tensor,
    advantages: torch.Tensor,
    returns: torch.Tensor,
    config: PPOConfig,
) -> Losses:
    """Return the clipped losses of n samples, summed.

    ``log_probabilities`` is (n, actions), -inf where an action is not offered; everything else is (n,).
    """
    chosen = log_probabilities.gather(1, actions[:, None]).squeeze(1)
    log_ratio = chosen - old_log_probabilities
    ratio = log_ratio.exp()
    clipped_ratio = ratio.clamp(1 - config.clip, 1 + config.clip)
    policy = -torch.minimum(ratio * advantages, clipped_ratio * advantages).sum()
    value_error = (values - returns).square()
    if config.value_clip is not None:
        near = old_values + (values - old_values).clamp(-config.value_clip, config.value_clip)
        value_error = torch.maximum(value_error, (near - returns).square())
    offered = log_probabilities.isfinite()
    finite = log_probabilities.masked_fill(~offered, 0.0)
    entropy = -(finite.exp() * finite).masked_fill(~offered, 0.0).sum()
    with torch.no_grad():
        approx_kl = (ratio - 1 - log_ratio).sum()
        clipped = ((ratio - 1).abs() > config.clip).sum().float()
    return Losses(policy, value_error.sum(), entropy, approx_kl, clipped)


@dataclass(frozen=True, slots=True)
class Sequences:
    """Samples of a rollout that are computed together: n sequences of T steps; arrays are (T n)."""

    inputs: list[list[Any]]  # T lists of n
    memory: torch.Tensor | None  # (n, memory) before the first step
    continues: torch.Tensor  # (T, n): 0 where an episode ends with a step, else 1
    actions: NDArray[np.int64]
    log_probabilities: NDArray[np.float32]  # of them, as they were drawn
    values: NDArray[np.float32]  # as the critic had them then
    advantages: NDArray[np.float32]
    returns: NDArray[np.float32]
    contrasts: Contrasts | None = None  # n, where there is a contrastive term


def sequence_losses(policy: Policy, sequences: Sequences, config: PPOConfig) -> Losses:
    """Return the losses of whole sequences, the memory carried along each and cleared at episode ends."""
    output = _evaluate_sequences(policy, sequences.inputs, sequences.memory, sequences.continues)
    scores = output.log_probabilities

    def there(array: NDArray[np.float32] | NDArray[np.int64]) -> torch.Tensor:
        return torch.from_numpy(array).to(scores.device)

    losses = ppo_losses(
        scores,
        output.values,
        there(sequences.actions),
        there(sequences.log_probabilities),
        there(sequences.values),
        there(sequences.advantages),
        there(sequences.returns),
        config,
    )
    if sequences.contrasts is None or not isinstance(policy, RepresentingPolicy) or output.roots is None:
        return losses
    return replace(losses, contrastive=contrastive_loss(policy, output.roots, sequences.contrasts))


def part_of_objective(
    config: PPOConfig, samples: int, policy: Policy, sequences: Sequences
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a part adds to the objective of a minibatch of so many samples, and its sums."""
    losses = sequence_losses(policy, sequences, config)
    return losses.objective(config) / samples, losses.sums()


def _evaluate_sequences(
    policy: Policy, inputs: list[list[Any]], memory: torch.Tensor | None, continues: torch.Tensor
) -> PolicyOutput:
    """Return what ``SequencePolicy.evaluate_sequences`` returns, of any policy; without memory it is None."""
    if memory is None:
        return policy.evaluate([each for step in inputs for each in step])
    continues = continues.to(memory)
    if isinstance(policy, SequencePolicy):
        return policy.evaluate_sequences(inputs, memory, continues)
    scores, values = [], []
    for step, goes_on in zip(inputs, continues, strict=True):
        output = policy.evaluate(step, memory)
        scores.append(output.log_probabilities)
        values.append(output.values)
        memory = None if output.memory is None else output.memory * goes_on[:, None]
    return PolicyOutput(torch.cat(scores), torch.cat(values))
