"""Proximal policy optimisation (Schulman et al., arXiv 1707.06347) for any policy, recurrent or not."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glam_eval.config.ppo import PPOConfig
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.seeds import stream
from glam_eval.policies.base import HeadedPolicy, Policy, PolicyOutput, RepresentingPolicy, SequencePolicy
from glam_eval.training.advantages import generalized_advantages
from glam_eval.training.batches import micro_batches, parts_of
from glam_eval.training.contrastive import Contrasts, contrastive_loss, contrasts, contrasts_of, others_in
from glam_eval.training.crew import Alone, Crew
from glam_eval.training.rollouts import Rollout


@dataclass(frozen=True, slots=True)
class PPOStatistics:
    """Means over the gradient steps of one update, weighted by samples."""

    policy_loss: float
    value_loss: float
    entropy: float
    approx_kl: float
    clip_fraction: float
    explained_variance: float
    grad_norm: float
    contrastive_loss: float = math.nan


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

    def sums(self) -> NDArray[np.float64]:
        """Return all terms, the contrastive one last, 0 without it."""
        contrastive = torch.zeros_like(self.policy) if self.contrastive is None else self.contrastive
        terms = (self.policy, self.value, self.entropy, self.approx_kl, self.clipped, contrastive)
        return np.asarray(torch.stack([term.detach() for term in terms]).double().cpu().numpy())


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


def _part(
    config: PPOConfig, samples: int, policy: Policy, sequences: Sequences
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """Return what a part adds to the objective of a minibatch of so many samples, and its sums."""
    losses = sequence_losses(policy, sequences, config)
    return losses.objective(config) / samples, losses.sums()


class PPO:
    """Updates a policy on rollouts; its state is the optimiser's, draws depend on the update's number."""

    def __init__(
        self, policy: Policy, config: PPOConfig, seed: int, updates: int, crew: Crew | None = None
    ) -> None:
        self._policy = policy
        self._contrasts = contrasts(policy, config)
        self._crew = crew or Alone(policy)
        self._config = config
        self._seed = seed
        self._updates = updates
        self._rates = [config.learning_rate]
        if config.heads_learning_rate is not None:
            self._rates.append(config.heads_learning_rate)
        self.steps = self._crew.steps(partial(_adam, config))

    def learning_rate(self, update: int) -> float:
        """Return the learning rate of an update, counted from 1."""
        return self._config.learning_rate * self._course(update)

    def _course(self, update: int) -> float:
        """Return what learning rates of an update are multiplied by."""
        done = (update - 1) / max(1, self._updates)
        match self._config.schedule:
            case "linear":
                factor = 1 - done
            case "cosine":
                factor = 0.5 * (1 + math.cos(math.pi * done))
            case _:
                factor = 1.0
        return factor

    def update(self, rollout: Rollout, update: int) -> PPOStatistics:
        """Run the epochs of one update; raises RunFailedError if a loss is not finite."""
        config = self._config
        advantages, returns = generalized_advantages(
            rollout.rewards,
            rollout.values,
            rollout.ends,
            rollout.last_values,
            config.discount,
            config.gae_lambda,
            rollout.cut_values if config.timeouts == "bootstrap" else None,
        )
        variance = returns.var()
        explained = float(1 - (returns - rollout.values).var() / variance) if variance > 0 else math.nan
        if config.normalize_advantages:
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        totals, norms, samples = np.zeros(6), [], 0
        for epoch in range(config.epochs):
            epoch_kl, epoch_samples = 0.0, 0
            for minibatch in self._minibatches(rollout, update, epoch):
                sums, norm = self._gradient_step(rollout, minibatch, advantages, returns, update)
                totals += sums
                norms.append(norm)
                size = len(minibatch) * config.recurrence
                samples += size
                epoch_kl += sums[3]
                epoch_samples += size
            if config.target_kl is not None and epoch_kl / epoch_samples > config.target_kl:
                break
        policy, value, entropy, approx_kl, clipped, contrastive = (totals / samples).tolist()
        norm = float(np.mean(norms))
        contrastive = contrastive if self._contrasts else math.nan
        return PPOStatistics(policy, value, entropy, approx_kl, clipped, explained, norm, contrastive)

    def _minibatches(self, rollout: Rollout, update: int, epoch: int) -> Iterator[NDArray[np.int64]]:
        """Yield shuffled sequences; sequence s begins at step s // n * recurrence of slot s % n."""
        steps, slots = rollout.actions.shape
        sequences = steps // self._config.recurrence * slots
        order = stream(self._seed, "minibatches", update, epoch).permutation(sequences)
        size = max(1, self._config.minibatch // self._config.recurrence)
        for start in range(0, sequences, size):
            yield order[start : start + size]

    def _gradient_step(
        self,
        rollout: Rollout,
        minibatch: NDArray[np.int64],
        advantages: NDArray[np.float32],
        returns: NDArray[np.float32],
        update: int,
    ) -> tuple[NDArray[np.float64], float]:
        samples = len(minibatch) * self._config.recurrence
        apart = others_in(self._policy, rollout, minibatch) if self._contrasts else {}
        lanes = self._crew.lanes()
        parts = [
            self._sequences(rollout, part, advantages, returns, apart)
            for part in self._micro_batches(rollout, minibatch, lanes)
        ]
        work = partial(_part, self._config, samples)
        sums = np.sum(self._crew.add_gradients(work, parts, lanes), axis=0)
        rates = [rate * self._course(update) for rate in self._rates]
        norm = self.steps.step(rates, self._config.max_grad_norm)
        if not (np.isfinite(sums).all() and math.isfinite(norm)):
            raise RunFailedError(
                f"loss or gradient is not finite in update {update}: lower ppo.learning_rate "
                f"(now {self._config.learning_rate:g}) or use policy.precision = 'float32'"
            )
        return sums, norm

    def _micro_batches(
        self, rollout: Rollout, minibatch: NDArray[np.int64], lanes: int
    ) -> Iterator[NDArray[np.int64]]:
        """Split a minibatch into parts that share work; all lanes of a rank hold ``micro_batch_tokens``."""
        slots = rollout.actions.shape[1]
        recurrence = self._config.recurrence
        first = [rollout.inputs[s // slots * recurrence][s % slots] for s in minibatch]
        at_once = self._crew.ranks * (self._config.micro_batch_tokens or self._policy.cost_at_once)
        if self._contrasts:  # each sample comes with two more prompts
            at_once = max(1, at_once // 3)
        lanes *= self._crew.ranks
        if recurrence > 1:
            costs = [self._policy.cost(each) for each in first]
            parts = micro_batches(costs, [None] * len(costs), at_once, lanes)
        else:
            parts = parts_of(self._policy, first, at_once, lanes)
        for part in parts:
            yield minibatch[part]

    def _sequences(
        self,
        rollout: Rollout,
        sequences: NDArray[np.int64],
        advantages: NDArray[np.float32],
        returns: NDArray[np.float32],
        apart: Mapping[int, int],
    ) -> Sequences:
        """Return the samples of sequences: s begins at step s // n * recurrence of slot s % n."""
        recurrence, slots = self._config.recurrence, rollout.actions.shape[1]
        begin, slot = sequences // slots * recurrence, sequences % slots
        steps = [begin + offset for offset in range(recurrence)]
        where = np.concatenate(steps), np.tile(slot, recurrence)
        return Sequences(
            [[rollout.inputs[t][n] for t, n in zip(step, slot, strict=True)] for step in steps],
            None if rollout.memories is None else rollout.memories[begin, slot],
            torch.from_numpy(np.stack([~rollout.ends[step, slot] for step in steps])).float(),
            rollout.actions[where],
            rollout.log_probabilities[where],
            rollout.values[where],
            advantages[where],
            returns[where],
            contrasts_of(rollout, sequences, apart) if apart else None,
        )


def _adam(config: PPOConfig, policy: Policy) -> torch.optim.Optimizer:
    parameters = list(policy.parameters())
    groups: list[dict[str, Any]] = [{"params": parameters}]
    if config.heads_learning_rate is not None:
        groups = _apart(policy, parameters)
    return torch.optim.Adam(
        groups, lr=config.learning_rate, betas=config.adam_betas, eps=config.adam_epsilon, fused=True
    )


def _apart(policy: Policy, parameters: list[torch.nn.Parameter]) -> list[dict[str, Any]]:
    """Return the optimiser's groups: the heads of a policy in one of their own, at the end."""
    if not isinstance(policy, HeadedPolicy):
        raise UserError("learner.heads_learning_rate is for language models: leave it out for other agents")
    heads = list(policy.head_parameters())
    own = {id(head) for head in heads}
    return [{"params": [each for each in parameters if id(each) not in own]}, {"params": heads}]


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
