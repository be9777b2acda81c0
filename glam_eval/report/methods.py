"""Methods, in words and numbers that a paper could take as its appendix, and what limits the study."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glam_eval.figures import Study
from glam_eval.figures.identity import condition_label
from glam_eval.figures.style import thousands


@dataclass(frozen=True)
class Section:
    """A titled part of the methods."""

    title: str
    paragraphs: list[str]


@dataclass(frozen=True)
class Settings:
    """Settings by condition: those that all runs share once, those that differ in one column a condition."""

    note: str
    columns: list[str]
    rows: list[list[str]]


def methods(study: Study) -> list[Section]:
    """Return the sections of the methods that the study's tables can tell."""
    return [_protocols(study), _statistics(), *_runs(study)]


def _protocols(study: Study) -> Section:
    episodes = study.table("episodes")
    paragraphs = []
    for protocol, rows in episodes.groupby("protocol", observed=True):
        scenes, shifts = rows["scene_seed"].nunique(), rows["shift"].nunique()
        points, levels = rows["frames"].nunique(), ", ".join(sorted(rows["level"].astype(str).unique()))
        paragraphs.append(
            f"{protocol}: {scenes} fixed scenes, each played once to its end by every agent under "
            f"{shifts} condition{'s' * (shifts != 1)} at up to {points} point{'s' * (points != 1)} of training ({levels}); "
            f"{len(rows):,} episodes in all."
        )
    paragraphs.append(
        "All agents and shifts meet the same scenes, which no training episode uses, so comparisons are paired. "
        "Actions are sampled from the policy, not its argmax."
    )
    return Section("Protocols", paragraphs)


def _statistics() -> Section:
    return Section("Statistics", [])


def _runs(study: Study) -> list[Section]:
    runs = study.tables.get("runs")
    if runs is None or runs.empty:
        return []
    seeds = sorted(runs["seed"].unique())
    hours = runs["seconds"].sum() / 3600
    machines = [_listed(json.loads(text)) for text in runs["machine"].unique()]
    packages = [_listed(json.loads(text)) for text in runs["packages"].unique()]
    return [
        Section("Runs", [
            f"{len(runs)} runs of {runs.groupby(['agent', 'model'], observed=True).ngroups} conditions, seeds "
            f"{', '.join(map(str, seeds))}; {thousands(float(runs['frames'].sum()))} environment steps of training in all.",
        ]),
        Section("Cost", [f"{hours:.2f} hours of computing over all runs, on {', '.join(sorted(runs['device'].unique()))}."]),
        Section("Versions", [f"glam-eval {', '.join(sorted(runs['code_version'].unique()))}.", *packages]),
        Section("Hardware", machines),
    ]  # fmt: skip


def settings(study: Study) -> Settings:
    """Return the configuration of every condition, one row a setting; empty without a runs table."""
    runs = study.tables.get("runs")
    if runs is None or runs.empty:
        return Settings("", [], [])
    chosen = study.usual(runs).drop_duplicates(["agent", "model"])
    flat = {
        condition_label(row.agent, row.model): _flatten(json.loads(row.config))
        for row in chosen[["agent", "model", "config"]].itertuples()
    }
    names = list(dict.fromkeys(name for config in flat.values() for name in config if name != "seed"))
    rows = []
    for name in names:
        values = [config.get(name, "–") for config in flat.values()]
        rows.append(
            [name, *values] if len(set(values)) > 1 else [name, values[0], *["″"] * (len(values) - 1)]
        )
    return Settings("Of the first seed; ″ repeats the value to its left.", ["Setting", *flat], rows)


def limits(study: Study, skipped: dict[str, str]) -> list[str]:
    """Return what is missing or under-powered, in words."""
    found = [f"Not drawn: {name.replace('_', ' ')}, because {reason}." for name, reason in skipped.items()]
    seeds = study.table("episodes").groupby(["agent", "model"], observed=True)["seed"].nunique()
    few = {condition_label(str(a), str(m)): int(n) for (a, m), n in seeds.items() if n < 5}  # type: ignore[misc]
    if few:
        listed = ", ".join(f"{label} ({n})" for label, n in few.items())
        found.insert(
            0, f"Fewer than 5 seeds, so intervals are wide or missing and tests have little power: {listed}."
        )
    runs = study.tables.get("runs", pd.DataFrame(columns=["status", "run_id"]))
    failed = runs.loc[runs["status"] != "finished", "run_id"]
    if len(failed):
        found.insert(0, f"Runs that did not finish: {', '.join(failed)}.")
    return [*found, *_gaps(study)]


def _gaps(study: Study) -> list[str]:
    """Return the conditions that miss shifts which others have."""
    episodes = study.table("episodes")
    found = []
    for protocol, rows in episodes.groupby("protocol", observed=True):
        all_shifts = set(rows["shift"].astype(str))
        for (agent, model), own in rows.groupby(["agent", "model"], observed=True):  # type: ignore[misc]
            missing = sorted(all_shifts - set(own["shift"].astype(str)))
            if missing:
                found.append(
                    f"{condition_label(str(agent), str(model))} has no episodes of {protocol} with {', '.join(missing)}."
                )
    return found


def _flatten(config: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = "none" if value is None else str(value)
    return flat


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value}" for key, value in values.items() if value is not None and value is not np.nan
    )
