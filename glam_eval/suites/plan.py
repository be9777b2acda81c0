"""What a suite would do: its runs, and what they cost on this machine."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from glam_eval.config.run import RunConfig
from glam_eval.config.suite import SuiteConfig
from glam_eval.suites.cost import nominal_seconds
from glam_eval.suites.messages import Plan

_TITLES = ("run", "unlike most", "parameters", "frames", "episodes", "operations", "memory", "time")


def make_plans(suite: SuiteConfig) -> list[Plan]:
    """Return one plan for each distinct run of a suite, in the order in which they are begun.

    The longest come first, so that no long run is begun when the others end; equal ones seed by seed.
    """
    plans = [Plan(suite.name, config, protocols) for config, protocols in suite.questions()]
    return sorted(plans, key=nominal_seconds, reverse=True)


def print_plan(suite: SuiteConfig, plans: Sequence[Plan], devices: Sequence[str], console: Console) -> None:
    """Print every run of a suite with its cost, measured on this machine's first device, and the total."""
    import torch

    from glam_eval.suites.measure import Meter, wall_seconds

    torch.set_num_threads(suite.threads)
    meter, costs = Meter(devices[0]), []
    table = Table(*(Column(title, overflow="fold") for title in _TITLES))
    unusual = unusual_settings([plan.config for plan in plans])
    with console.status("measuring agents on this machine"):
        for plan in plans:
            cost = meter.cost(plan)
            costs.append(cost)
            table.add_row(
                plan.config.run_id,
                unusual[plan.config.run_id],
                _count(cost.parameters),
                f"{plan.config.frames:,}",
                f"{cost.episodes:,}",
                _count(cost.flops),
                "?" if math.isnan(cost.memory) else f"{cost.memory / 2**30:.1f} GiB",
                _duration(cost.seconds),
            )
    console.print(table)
    for gap in suite.gaps():
        console.print(gap, highlight=False, soft_wrap=True)
    frames = sum(plan.config.updates * plan.config.frames_per_update for plan in plans)
    episodes = sum(cost.episodes for cost in costs)
    console.print(
        f"{len(plans)} runs, {frames:,} training frames, {episodes:,} evaluation episodes", highlight=False
    )
    alone, together = sum(cost.seconds for cost in costs), wall_seconds(costs, len(devices))
    workers = f"{len(devices)} worker{'s' * (len(devices) != 1)} on {', '.join(sorted(set(devices)))}"
    console.print(
        f"about {_duration(alone)} of computing, {_duration(together)} with {workers}", highlight=False
    )


def unusual_settings(runs: Sequence[RunConfig]) -> dict[str, str]:
    """Return for each run_id the settings that most runs of its agent and model have otherwise."""
    groups: dict[tuple[str, str], dict[str, dict[str, str]]] = defaultdict(dict)
    for run in runs:
        groups[run.agent, run.model][run.run_id] = _flatten(run.model_dump(mode="json", exclude={"seed"}))
    told = {}
    for group in groups.values():
        values = {name: Counter(one[name] for one in group.values()) for name in next(iter(group.values()))}
        usual = {name: counted.most_common(1)[0][0] for name, counted in values.items()}
        for run_id, settings in group.items():
            other = [(name, value) for name, value in settings.items() if value != usual[name]]
            told[run_id] = ", ".join(f"{name.rpartition('.')[2]}={value}" for name, value in other)
    return told


def _flatten(value: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings under dotted names; options of a level, and adapters, are one setting."""
    flat: dict[str, str] = {}
    for name, inner in value.items():
        nested = isinstance(inner, dict) and name not in ("options", "lora")
        flat |= _flatten(inner, f"{prefix}{name}.") if nested else {prefix + name: json.dumps(inner)}
    return flat


def _count(number: float) -> str:
    """Return a large number in three digits and a prefix: 1.23 G."""
    if math.isnan(number):
        return "?"
    for power, prefix in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if number >= 10**power:
            return f"{number / 10**power:.3g} {prefix}"
    return f"{number:.0f}"


def _duration(seconds: float) -> str:
    if math.isnan(seconds):
        return "?"
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:.0f} s"
