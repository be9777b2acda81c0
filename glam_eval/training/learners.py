"""What the training loop knows of a learner, whichever it is; and the one that learns by PPO."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from glam_eval.config.ppo import PPOConfig
from glam_eval.core.world import EpisodeSummary
from glam_eval.policies.base import NormalizedPolicy, Policy
from glam_eval.training.actors import Actors
from glam_eval.training.contrastive import contrasts
from glam_eval.training.crew import Crew
from glam_eval.training.ppo import PPO
from glam_eval.training.rollouts import Collector

TENSORS_FILE = "learner.pt"


@dataclass(frozen=True, slots=True)
class Learned:
    """What one update saw and did, named as in ``TrainingRecord``; NaN where a learner has no such number."""

    finished: list[EpisodeSummary]
    learning_rate: float
    policy_loss: float = math.nan
    value_loss: float = math.nan
    entropy: float = math.nan
    approx_kl: float = math.nan
    clip_fraction: float = math.nan
    explained_variance: float = math.nan
    grad_norm: float = math.nan
    seconds_environment: float = 0.0
    seconds_policy: float = 0.0
    seconds_update: float = 0.0
    seconds_tokenizing: float = 0.0
    replay_bytes: int = 0
    information: float = math.nan
    contrastive_loss: float = math.nan


class Learner(Protocol):
    """Changes a policy, one update at a time. Its draws depend on the seed and the update's number alone."""

    def update(self, number: int) -> Learned:
        """Gather experience and learn from it; updates are counted from 1."""

    def save(self, directory: Path) -> None:
        """Write everything but the policy that ``restore`` needs."""

    def restore(self, directory: Path) -> None:
        """Continue exactly where ``save`` left off."""


class PPOLearner:
    """Rollouts by the policy itself, then PPO."""

    def __init__(
        self,
        policy: Policy,
        actors: Actors,
        config: PPOConfig,
        seed: int,
        updates: int,
        crew: Crew | None = None,
    ) -> None:
        self._policy, self._config = policy, config
        retold = config.retold.split("+") if contrasts(policy, config) else ()
        self._collector = Collector(policy, actors, seed, retold)
        self._ppo = PPO(policy, config, seed, updates, crew)

    def update(self, number: int) -> Learned:
        """Collect a batch and learn from it for some epochs."""
        rollout = self._collector.collect(self._config.steps, number, self._config.reward_scale)
        collected = time.perf_counter()
        statistics = self._ppo.update(rollout, number)
        if isinstance(self._policy, NormalizedPolicy):
            self._policy.refresh_statistics([each for row in rollout.inputs for each in row])
        return Learned(
            finished=rollout.finished,
            learning_rate=self._ppo.learning_rate(number),
            policy_loss=statistics.policy_loss,
            value_loss=statistics.value_loss,
            entropy=statistics.entropy,
            approx_kl=statistics.approx_kl,
            clip_fraction=statistics.clip_fraction,
            explained_variance=statistics.explained_variance,
            grad_norm=statistics.grad_norm,
            seconds_environment=rollout.seconds_environment,
            seconds_policy=rollout.seconds_policy,
            seconds_update=time.perf_counter() - collected,
            seconds_tokenizing=rollout.seconds_tokenizing,
            information=rollout.information,
            contrastive_loss=statistics.contrastive_loss,
        )

    def save(self, directory: Path) -> None:
        """Write the optimiser and a recurrent policy's memory."""
        tensors = {"optimizer": self._ppo.steps.state_dict(), "memory": self._collector.memory}
        torch.save(tensors, directory / TENSORS_FILE)

    def restore(self, directory: Path) -> None:
        """Restore the optimiser and a recurrent policy's memory."""
        file = directory / TENSORS_FILE
        memory = torch.load(file, weights_only=True, map_location="cpu", mmap=True)["memory"]
        self._collector.memory = None if memory is None else memory.clone()  # the file goes
        self._ppo.steps.restore(file)
