"""What a suite would do, told without doing it: its runs, and what they cost on this machine."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Column

from glam_eval.config.graph import PlannedRun
from glam_eval.config.run import RunConfig
from glam_eval.config.settings import flatten
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.console import Console, Table
from glam_eval.suites.quantities import count, duration, gibibytes

if TYPE_CHECKING:
    from glam_eval.suites.engine_plan import EnginePlan

_TITLES = ("run", "unlike most", "parameters", "frames", "episodes", "operations", "memory", "time")


def print_plan(
    suite: SuiteConfig,
    runs: Sequence[PlannedRun],
    devices: Sequence[str],
    console: Console,
    plan: "EnginePlan | None" = None,
) -> None:
    """Print every run of a suite with its cost, measured on this machine's first device, and the total.

    With an engine's plan, its tasks too, and what a run takes on its GPU.

    Raises:
        UserError: if a run does not fit into the GPU's memory; what was printed says by how much.
    """
    import torch

    from glam_eval.suites.engine_plan import SHARDS, print_engine
    from glam_eval.suites.measure import Meter, wall_seconds

    torch.set_num_threads(suite.threads)
    gpu = plan.gpu if plan else None
    meter, costs = Meter(devices[0], runs, gpu), []
    titles = (*_TITLES, *([f"over {SHARDS}"] if gpu else []))
    table = Table(*(Column(title, overflow="fold") for title in titles))
    unusual = unusual_settings([each.config for each in runs if isinstance(each.config, RunConfig)])
    with console.status("measuring agents on this machine"):
        for planned in runs:
            cost = meter.cost(planned)
            costs.append(cost)
            table.add_row(
                planned.run_id,
                ", ".join(
                    [*(f"after {need}" for need in planned.needs), unusual.get(planned.run_id, "")]
                ).strip(", "),
                count(cost.parameters),
                f"{planned.config.total_frames:,}",
                f"{cost.episodes:,}",
                count(cost.flops),
                gibibytes(cost.each),
                duration(cost.seconds),
                *([gibibytes(cost.sharded(SHARDS))] if gpu else []),
            )
    console.print(table)
    for gap in suite.gaps():
        console.print(gap, soft_wrap=True)
    frames = sum(each.config.total_frames for each in runs)
    episodes = sum(cost.episodes for cost in costs)
    console.print(f"{len(runs)} runs, {frames:,} training frames, {episodes:,} evaluation episodes")
    if plan:
        print_engine(plan, runs, costs, console)
        return
    alone, together = sum(cost.seconds for cost in costs), wall_seconds(costs, len(devices))
    workers = f"{len(devices)} worker{'s' * (len(devices) != 1)} on {', '.join(sorted(set(devices)))}"
    console.print(f"about {duration(alone)} of computing, {duration(together)} with {workers}")


def unusual_settings(runs: Sequence[RunConfig]) -> dict[str, str]:
    """Return for each run_id the settings that most runs of its agent and model have otherwise."""
    groups: dict[tuple[str, str], dict[str, dict[str, str]]] = defaultdict(dict)
    for run in runs:
        settings = flatten({**run.read(), "seed": 0}, whole=("options", "lora"))
        groups[run.agent, run.model][run.run_id] = {k: json.dumps(v) for k, v in settings.items()}
    told = {}
    for group in groups.values():
        names = dict.fromkeys(name for one in group.values() for name in one)
        values = {name: Counter(one.get(name, "") for one in group.values()) for name in names}
        usual = {name: counted.most_common(1)[0][0] for name, counted in values.items()}
        for run_id, settings in group.items():
            other = [(name, value) for name, value in settings.items() if value != usual[name]]
            told[run_id] = ", ".join(f"{name.rpartition('.')[2]}={value}" for name, value in other)
    return told
