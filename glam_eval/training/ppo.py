"""Proximal policy optimisation (Schulman et al., arXiv 1707.06347) for any policy, recurrent or not."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glam_eval.config.ppo import PPOConfig
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.seeds import stream
from glam_eval.policies.base import HeadedPolicy, Policy
from glam_eval.training.advantages import generalized_advantages
from glam_eval.training.batches import micro_batches, parts_of
from glam_eval.training.contrastive import contrasts, contrasts_of, others_in
from glam_eval.training.crew import Alone, Crew
from glam_eval.training.losses import Sequences, part_of_objective
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
        work = partial(part_of_objective, self._config, samples)
        sums = np.sum([each.numpy() for each in self._crew.add_gradients(work, parts, lanes)], axis=0)
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
