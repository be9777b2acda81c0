"""What an engine would be given of a suite: tasks, devices, hours and memory; what can't fit is refused."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from glam_eval.config.graph import PlannedRun
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.console import Console
from glam_eval.core.errors import UserError
from glam_eval.launchers.batches import batches
from glam_eval.launchers.choice import Choice
from glam_eval.suites.gpus import Gpu, find_gpu, gpu_of_gres
from glam_eval.suites.measure import Cost
from glam_eval.suites.quantities import duration

SHARDS = 8  # GPUs of an ordinary node


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """What an engine would be given, and where."""

    name: str
    gpu: Gpu | None
    slot_seconds: float  # of short runs that share a task
    limit_seconds: float  # of a task at a time


def engine_plan(choice: Choice, suite: SuiteConfig, gpu: str | None) -> EnginePlan:
    """Return what a launcher would be given; the GPU is that named, or of the type that Slurm is asked for.

    Raises:
        UserError: if no GPU of that name is known.
    """
    slurm = choice.settings(suite)
    found = find_gpu(gpu) if gpu else gpu_of_gres(slurm.gres)
    return EnginePlan(choice.name, found, slurm.slot_seconds, slurm.limit_seconds)


def print_engine(
    engine: EnginePlan, runs: Sequence[PlannedRun], costs: Sequence[Cost], console: Console
) -> None:
    """Print the tasks that an engine would be given, and their hours; refuse runs that don't fit a device."""
    seconds = {planned.run_id: cost.seconds for planned, cost in zip(runs, costs, strict=True)}
    slots = {run_id: 0.0 if math.isnan(each) else each for run_id, each in seconds.items()}
    made = batches(runs, slots, engine.slot_seconds, len(runs))
    tasks = [task for batch in made for task in batch.tasks.values()]
    longest = max(sum(slots[run_id] for run_id in task) for task in tasks)
    gpu = engine.gpu
    most = max(planned.devices for planned in runs)
    device = f"{most if most > 1 else 'one'} {gpu.name if gpu else 'device'}{'s' * (most > 1)} each"
    console.print(f"{engine.name}: {len(made)} arrays of {len(tasks)} tasks in all, {device}", soft_wrap=True)
    where = f"at half of {gpu.name}'s published rate ({gpu.source})" if gpu else "as measured on this machine"
    hours = duration(sum(slots[planned.run_id] * planned.devices for planned in runs))
    console.print(f"about {hours} of devices, {where}", soft_wrap=True)
    limit = (
        "" if math.isinf(engine.limit_seconds) else f" of at most {duration(engine.limit_seconds)} at once"
    )
    console.print(f"the longest task about {duration(longest)}{limit}", soft_wrap=True)
    if gpu is None:
        return
    console.print(
        f"over {SHARDS}: memory of each of {SHARDS} devices that divide weights, gradients and Adam's "
        f"moments, as with policy.devices = {SHARDS} and policy.sharded = true",
        soft_wrap=True,
    )
    heavy = [planned.run_id for planned, cost in zip(runs, costs, strict=True) if cost.each > gpu.usable]
    if heavy:
        raise UserError(
            f"{len(heavy)} of {len(runs)} runs don't fit into a {gpu.name}'s {gpu.memory / 10**9:.0f} GB, "
            f"first {heavy[0]}: name a larger --gpu, or set policy.sharded, lora, or a smaller model"
        )
