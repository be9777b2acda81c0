"""What a condition is compared with: the words of training, on the simple task of its own level.

A goal of three instructions in a room of four objects differs from training in two things. Where one
condition has goals of one instruction in the same rooms, it is the base; else the base is no shift, on the
kinds of task that the condition is made of.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

SEVERAL = re.compile(r"_then_|_and_")  # joins the instructions of a task
KIND = ": "  # between a condition and the kinds of task that a base takes of it


@dataclass(frozen=True)
class Bases:
    """Episodes with the restricted bases among their conditions, and each condition's base by name."""

    episodes: pd.DataFrame
    of: Mapping[str, str]


def find_bases(episodes: pd.DataFrame, reference: str) -> Bases:
    """Return the base of every condition of a protocol; ``reference`` for those that share its tasks.

    A base that is a part of another condition, for instance "none: pickup", is a condition of its own in the
    episodes returned. Tables without levels or tasks have one base.
    """
    names = [str(name) for name in episodes["shift"].unique()]
    every = {name: reference for name in names if name != reference}
    if not {"level", "task"} <= set(episodes) or reference not in names:
        return Bases(episodes, every)
    played = {str(name): rows for name, rows in episodes.groupby("shift", observed=True)}
    tasks = {name: {str(task) for task in rows["task"].unique()} for name, rows in played.items()}
    levels = {name: {str(level) for level in rows["level"].unique()} for name, rows in played.items()}
    simple = sorted(name for name in names if all(_length(task) == 1 for task in tasks[name]))
    parts: dict[str, pd.DataFrame] = {}
    for name in every:
        near = [other for other in simple if levels[other] == levels[name] and other not in (name, reference)]
        if tasks[name] == tasks[reference] or (
            levels[name] & levels[reference] and tasks[name] <= tasks[reference]
        ):
            continue
        if near and any(_length(task) > 1 for task in tasks[name]):
            every[name] = near[0]
            continue
        kinds = {kind for task in tasks[name] for kind in SEVERAL.split(task)}
        if kinds & tasks[reference] and not tasks[reference] <= kinds:
            every[name] = f"{reference}{KIND}{', '.join(sorted(kinds & tasks[reference]))}"
            base = played[reference]
            parts[every[name]] = base[base["task"].astype(str).isin(kinds)].assign(shift=every[name])
    if parts:
        whole = episodes.assign(shift=episodes["shift"].astype(str))
        episodes = pd.concat([whole, *parts.values()], ignore_index=True)
    return Bases(episodes, every)


def _length(task: str) -> int:
    """Return the number of instructions in a task."""
    return len(SEVERAL.split(task))
