"""Demonstrations: collected from the bot or from any checkpoint, or read from a table."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from glam_eval.config.learners import CloningConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.records import DemonstrationRecord
from glam_eval.core.seeds import stream
from glam_eval.policies.base import Policy, sample_actions
from glam_eval.policies.baselines import BotPolicy
from glam_eval.training.actors import Actors
from glam_eval.training.agents import build_policy
from glam_eval.training.checkpoints import read_checkpoint

if TYPE_CHECKING:
    from glam_eval.training.run import TrainingRun


def check_source(config: RunConfig, actions: Sequence[str]) -> None:
    """Raise a UserError unless a run that offers ``actions`` can learn from its ``cloning.source``."""
    source = Path(config.cloning.source)
    if config.cloning.source in ("bot", "gflan"):
        return
    if (source / "demonstrations").is_dir():
        _check_actions(source, actions)
        return
    if not source.is_dir():
        raise UserError(f"no cloning.source {config.cloning.source!r}: give bot, gflan or a directory")
    if config.agent == "bc-bot":
        raise UserError(f"agent 'bc-bot' clones the bot, not {str(source)!r}: choose agent 'bc-gflan'")
    world = _made_by(source).environment
    for name in ("language", "actions", "template", "remembered"):
        theirs, ours = getattr(world, name), getattr(config.environment, name)
        if theirs != ours:
            raise UserError(f"the demonstrator has environment.{name} = {theirs!r}, this run has {ours!r}")


def find_demonstrations(config: RunConfig, actors: Actors, device: str) -> list[DemonstrationRecord]:
    """Return the demonstrations that a run of ``config`` learns from: stored ones, or collected now.

    Raises UserError for what ``check_source`` raises it for.
    """
    actions, source = actors.environment.actions, Path(config.cloning.source)
    check_source(config, actions)
    if config.cloning.source == "bot":
        return collect(BotPolicy(), "bot", actors, config)
    if config.cloning.source == "gflan":
        teacher = _train_teacher(config, device)
        return collect(teacher.policy, teacher.config.run_id, actors, config)
    if (source / "demonstrations").is_dir():
        return _subsample(_read(source), config.cloning, config.seed)
    made_by = _made_by(source)
    policy = build_policy(made_by, len(actions), device, source)
    return collect(policy, made_by.run_id, actors, config)


def _made_by(checkpoint: Path) -> RunConfig:
    return RunConfig.parse(read_checkpoint(checkpoint).state["config"], source=str(checkpoint))


def _train_teacher(config: RunConfig, device: str) -> "TrainingRun":
    """Return the run of gflan with this run's settings, trained to its end; for small models."""
    from glam_eval.training.run import TrainingRun

    run = TrainingRun(config.changed(agent="gflan", cloning=CloningConfig()), device)
    while not run.finished:
        run.advance()
    return run


@torch.no_grad()
def collect(policy: Policy, name: str, actors: Actors, config: RunConfig) -> list[DemonstrationRecord]:
    """Return demonstrations of a policy in the actors' environments; ``name`` is their source.

    The number is ``cloning.transitions``, or the run's frames. A step is random with probability
    ``cloning.random_fraction``. Draws depend on the seed alone.
    """
    wanted = config.cloning.transitions or config.updates * config.frames_per_update
    draws, records = stream(config.seed, "demonstrations"), list[DemonstrationRecord]()
    memory = torch.zeros(actors.slots, policy.memory_size) if policy.memory_size else None
    while len(records) < wanted:
        situations = actors.situations()
        states = [actors.environment.state(slot) for slot in range(actors.slots)]
        output = policy.evaluate([policy.prepare(situation) for situation in situations], memory)
        chosen = sample_actions(output.log_probabilities.float().cpu().numpy(), draws.random(actors.slots))
        at_random = draws.random(actors.slots) < config.cloning.random_fraction
        others = draws.integers(len(actors.environment.actions), size=actors.slots)
        actions = np.where(at_random, others, chosen).tolist()
        records += [
            DemonstrationRecord(
                level=config.environment.level,
                scene_seed=state.scene_seed,
                step=len(state.actions),
                prompt=situation.prompt,
                actions=list(situation.actions),
                action=action,
                source="random" if random else name,
            )
            for state, situation, action, random in zip(states, situations, actions, at_random, strict=True)
        ]
        ends = [result.done for result in actors.step(actions).results]
        if output.memory is not None:
            memory = output.memory * (~torch.tensor(ends))[:, None].to(output.memory)
    return records[:wanted]


def _check_actions(directory: Path, actions: Sequence[str]) -> None:
    """Raise a UserError unless all stored demonstrations offer the same actions as a run."""
    offers = {tuple(offer) for offer in _table(directory, ["actions"])["actions"].to_pylist()}
    if not offers:
        raise UserError(f"{directory}/demonstrations is empty: collect some by glam-eval clone")
    for other in sorted(offers - {tuple(actions)}):
        raise UserError(
            f"the demonstrations in {directory} offer {', '.join(other)}; this run offers "
            f"{', '.join(actions)}: set environment.actions and environment.language as theirs"
        )


def _read(directory: Path) -> list[DemonstrationRecord]:
    table = _table(directory, [field.name for field in fields(DemonstrationRecord)])
    return [DemonstrationRecord(**row) for row in table.to_pylist()]


def _table(directory: Path, columns: list[str]) -> pa.Table:
    try:
        return pq.read_table(directory / "demonstrations", columns=columns)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise UserError(f"{directory}/demonstrations can't be read: {str(error).splitlines()[0]}") from error


def _subsample(
    records: list[DemonstrationRecord], settings: CloningConfig, seed: int
) -> list[DemonstrationRecord]:
    """Return as many demonstrations, drawn without replacement, as ``cloning.transitions`` asks for."""
    wanted = settings.transitions
    if wanted is None:
        return records
    if wanted > len(records):
        raise UserError(f"cloning.transitions = {wanted}, but {settings.source!r} holds {len(records)}")
    chosen = stream(seed, "subsample").choice(len(records), size=wanted, replace=False)
    return [records[index] for index in sorted(chosen.tolist())]
