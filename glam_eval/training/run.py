"""A run under way: one record an update; it can be saved and restored exactly between any two."""

import json
import math
import time
from pathlib import Path
from typing import Any

import torch

from glam_eval.config.agents import describe_agent
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.records import TrainingRecord
from glam_eval.core.world import EpisodeSummary
from glam_eval.environments import VectorEnvironment
from glam_eval.policies.base import Policy
from glam_eval.training.actors import Actors
from glam_eval.training.agents import build_policy
from glam_eval.training.checkpoints import Checkpoint
from glam_eval.training.ppo import PPO
from glam_eval.training.rollouts import Collector, Rollout

_TENSORS = "learner.pt"


class TrainingRun:
    """The training of one agent. Everything random derives from the run's seed and the update's number."""

    def __init__(self, config: RunConfig, device: str = "cpu", resume: Checkpoint | None = None) -> None:
        """Start a run, or continue it from a checkpoint; raises UserError on another run's checkpoint."""
        self.config = config
        self.update = 0
        self.episodes = 0
        learns = describe_agent(config.agent).learner != "none"
        environment = _environment(config, config.ppo.environments if learns else 1)
        source = resume.directory if resume else None
        self.policy: Policy = build_policy(config, len(environment.actions), device, source)
        self._actors = Actors(environment, config.ppo.environments if learns else 1, config.seed)
        self._collector = Collector(self.policy, self._actors, config.seed)
        self._ppo = PPO(self.policy, config.ppo, config.seed, config.updates) if learns else None
        if resume is not None:
            self._restore(resume)

    @property
    def frames(self) -> int:
        """Environment steps trained for."""
        return self.update * self.config.ppo.frames_per_update

    @property
    def finished(self) -> bool:
        """Whether the training budget is spent."""
        return self.update >= self.config.updates

    def advance(self) -> TrainingRecord:
        """Collect a batch and learn from it; raises RunFailedError if that is impossible."""
        if self._ppo is None:
            raise ValueError(f"agent {self.config.agent!r} does not learn")
        began = time.perf_counter()
        number = self.update + 1
        try:
            rollout = self._collector.collect(self.config.ppo.steps, number, self.config.ppo.reward_scale)
            collected = time.perf_counter()
            statistics = self._ppo.update(rollout, number)
        except (torch.OutOfMemoryError, MemoryError):
            raise RunFailedError(_OUT_OF_MEMORY.format(self.config.ppo.micro_batch_tokens)) from None
        except RuntimeError as error:
            if "can't allocate memory" in str(error):
                raise RunFailedError(_OUT_OF_MEMORY.format(self.config.ppo.micro_batch_tokens)) from None
            raise
        self.update = number
        self.episodes += len(rollout.finished)
        now = time.perf_counter()
        return TrainingRecord(
            run_id=self.config.run_id,
            agent=self.config.agent,
            model=self.config.model,
            seed=self.config.seed,
            update=number,
            frames=self.frames,
            episodes=self.episodes,
            **_episode_means(rollout.finished),
            policy_loss=statistics.policy_loss,
            value_loss=statistics.value_loss,
            entropy=statistics.entropy,
            approx_kl=statistics.approx_kl,
            clip_fraction=statistics.clip_fraction,
            explained_variance=statistics.explained_variance,
            grad_norm=statistics.grad_norm,
            learning_rate=self._ppo.learning_rate(number),
            **_phase_seconds(rollout, now - began, now - collected),
        )

    def state(self) -> dict[str, Any]:
        """Return all that is not a tensor, as JSON-serialisable values."""
        return {
            "config": json.loads(self.config.canonical_json()),
            "update": self.update,
            "episodes": self.episodes,
            "actors": self._actors.state(),
        }

    def save(self, directory: Path) -> None:
        """Write the policy, the optimiser and a recurrent policy's memory into a directory."""
        self.policy.save(directory)
        optimizer = self._ppo.optimizer.state_dict() if self._ppo else None
        torch.save({"optimizer": optimizer, "memory": self._collector.memory}, directory / _TENSORS)

    def _restore(self, checkpoint: Checkpoint) -> None:
        made_by = RunConfig.parse(checkpoint.state["config"], source=f"checkpoint {checkpoint.directory}")
        if made_by != self.config:
            raise UserError(
                f"checkpoint {str(checkpoint.directory)!r} belongs to run {made_by.run_id}, "
                f"not to {self.config.run_id}"
            )
        self.update = checkpoint.state["update"]
        self.episodes = checkpoint.state["episodes"]
        self._actors.restore(checkpoint.state["actors"])
        tensors = torch.load(checkpoint.directory / _TENSORS, weights_only=True)
        self._collector.memory = tensors["memory"]
        if self._ppo:
            self._ppo.optimizer.load_state_dict(tensors["optimizer"])


_OUT_OF_MEMORY = "out of memory: lower ppo.micro_batch_tokens (now {}) or use a smaller model"


def _environment(config: RunConfig, slots: int) -> VectorEnvironment:
    world = config.environment
    return VectorEnvironment(
        world.level,
        slots,
        language=world.language,
        shift=world.shift,
        actions=world.actions,
        template=world.template,
        remembered=world.remembered,
    )


def _episode_means(finished: list[EpisodeSummary]) -> dict[str, float]:
    count = len(finished)
    if not count:
        return dict.fromkeys(("success_rate", "return_mean", "length_mean"), math.nan)
    return {
        "success_rate": sum(episode.success for episode in finished) / count,
        "return_mean": sum(episode.episode_return for episode in finished) / count,
        "length_mean": sum(episode.length for episode in finished) / count,
    }


def _phase_seconds(rollout: Rollout, seconds: float, update: float) -> dict[str, float]:
    return {
        "seconds": seconds,
        "seconds_environment": rollout.seconds_environment,
        "seconds_policy": rollout.seconds_policy,
        "seconds_update": update,
    }
