"""A run under way: one record an update; it can be saved and restored exactly between any two."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.records import DemonstrationRecord, TrainingRecord
from glam_eval.core.world import EpisodeSummary
from glam_eval.environments import make_environment
from glam_eval.policies.base import Policy
from glam_eval.policies.devices import out_of_memory_as
from glam_eval.training.actors import Actors
from glam_eval.training.agents import build_learner, build_policy
from glam_eval.training.checkpoints import Checkpoint
from glam_eval.training.crew_choice import first_place, make_crew


class TrainingRun:
    """The training of one agent. Everything random derives from the run's seed and the update's number.

    As a context manager it ends the processes of a run on several devices.
    """

    def __init__(
        self,
        config: RunConfig,
        device: str = "cpu",
        resume: Checkpoint | None = None,
        demonstrations: Sequence[DemonstrationRecord] = (),
    ) -> None:
        """Start a run, or continue it from a checkpoint.

        Args:
            config: the run.
            device: where its policy computes.
            resume: a checkpoint of this run to continue from.
            demonstrations: what is imitated, for agents that clone; the same when the run is resumed.

        Raises:
            UserError: on another run's checkpoint.
            RunFailedError: if the policy does not fit into memory.
        """
        self.config = config
        self.update = 0
        self.episodes = 0
        slots = getattr(config.learner, "environments", 1)  # who imitates acts in none
        environment = make_environment(config.environment, slots)
        if resume is not None:
            _check_same_run(resume, config)
        with out_of_memory_as(RunFailedError(_OUT_OF_MEMORY)):
            actions, stored = len(environment.actions), resume.directory if resume else None
            self.policy: Policy = build_policy(config, actions, first_place(config, device), stored)
            self._crew = make_crew(config, self.policy, actions, device, stored)
        self._actors = Actors(environment, slots, config.seed)
        self._learner = build_learner(config, self.policy, self._actors, demonstrations, self._crew)
        if resume is not None:
            self._restore(resume)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.close()

    @property
    def frames(self) -> int:
        """Environment steps, or demonstrations, trained on."""
        return self.update * self.config.frames_per_update

    @property
    def finished(self) -> bool:
        """Whether the training budget is spent."""
        return self.update >= self.config.updates

    def advance(self) -> TrainingRecord:
        """Make one update; raises RunFailedError if that is impossible."""
        if self._learner is None:
            raise ValueError(f"agent {self.config.agent!r} does not learn")
        began = time.perf_counter()
        with out_of_memory_as(RunFailedError(_OUT_OF_MEMORY)):
            learned = self._learner.update(self.update + 1)
        self.update += 1
        self._check_weights()
        self.episodes += len(learned.finished)
        numbers: dict[str, Any] = {field.name: getattr(learned, field.name) for field in fields(learned)}
        del numbers["finished"]
        return TrainingRecord(
            run_id=self.config.run_id,
            agent=self.config.agent,
            model=self.config.model,
            seed=self.config.seed,
            update=self.update,
            frames=self.frames,
            episodes=self.episodes,
            seconds=time.perf_counter() - began,
            **_episode_means(learned.finished),
            **numbers,
        )

    def _check_weights(self) -> None:
        """Raise a RunFailedError if a weight is NaN or infinite after the last gradient step of an update.

        Every loss before that step may have been finite.
        """
        if not self._crew.finite():
            learner = self.config.learner
            raise RunFailedError(
                f"a weight is NaN or infinite after update {self.update}: lower {learner.kind}.learning_rate "
                f"(now {getattr(learner, 'learning_rate', math.nan):g})"
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
        """Write the policy and its learner into a directory; nothing of a policy that stays as built."""
        if self.config.updates:
            with self._crew.whole():
                self.policy.save(directory)
        if self._learner:
            self._learner.save(directory)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.update = checkpoint.state["update"]
        self.episodes = checkpoint.state["episodes"]
        self._actors.restore(checkpoint.state["actors"])
        if self._learner:
            self._learner.restore(checkpoint.directory)


_OUT_OF_MEMORY = (
    "out of memory: lower the learner's micro_batch_tokens or environments, or use a smaller model"
)


def _check_same_run(checkpoint: Checkpoint, config: RunConfig) -> None:
    made_by = RunConfig.parse(checkpoint.state["config"], source=f"checkpoint {checkpoint.directory}")
    if made_by.digest() != config.digest() and _on_one_device(made_by) != _on_one_device(config):
        raise UserError(
            f"checkpoint {str(checkpoint.directory)!r} belongs to run {made_by.run_id}, "
            f"not to {config.run_id}"
        )


def _on_one_device(config: RunConfig) -> str:
    """Return the digest of the run that one device would make: any number of them may go on with it."""
    if config.policy is None:
        return config.digest()
    alone = config.policy.model_copy(update={"devices": 1, "sharded": False})
    return config.model_copy(update={"policy": alone}).digest()


def _episode_means(finished: list[EpisodeSummary]) -> dict[str, Any]:
    count = len(finished)
    if not count:
        return dict.fromkeys(("success_rate", "return_mean", "length_mean"), math.nan)
    return {
        "success_rate": sum(episode.success for episode in finished) / count,
        "return_mean": sum(episode.episode_return for episode in finished) / count,
        "length_mean": sum(episode.length for episode in finished) / count,
    }
