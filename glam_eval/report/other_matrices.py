"""Comparisons of other kinds as matrices: plans, mixed models, published numbers, leaderboards."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from glam_eval.config.protocols import condition_rank
from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.figures.identity import records
from glam_eval.report.matrices import (
    LEGEND,
    NOTHING,
    Cell,
    Matrix,
    agent_label,
    changed,
    listed,
    percent,
    together,
)

PLAN_LEGEND = (
    "Seeds a condition with so many scenes; now: power with today's seeds x scenes; – more than 200 seeds."
)
ODDS_LEGEND = (
    "Log odds with simultaneous 95% intervals; shares of the variance of a logit, draw: the episode's own."
)
TARGET_LEGEND = (
    "Published: read off figures, to within a point; verdicts are of our success against that: "
    f"{LEGEND.replace('not offered', 'not tested')}"
)

RANK_LEGEND = "Theirs ± the error that they gave; ours with 95% intervals over seeds and scenes."


def plans(table: pd.DataFrame) -> list[Matrix]:
    """Return the seeds that each comparison needs, by the number of scenes."""
    found = []
    for protocol, rows in table.groupby("protocol", sort=False):
        cells: dict[tuple[str, str], Cell] = {}
        known = rows[rows["power_now"].notna()]
        for row in _ranked(known):
            name = _planned(row)
            seen = f"{row['power_now']:.2f} ({row['seeds_now']}x{row['scenes_now']})"
            cells[name, "now"] = Cell(row["power_now"], np.nan, np.nan, words=seen)
            needed = row["seeds_needed"]
            cells[name, f"{row['scenes']} scenes"] = Cell(
                needed, np.nan, np.nan, words=f"{needed:.0f}" if np.isfinite(needed) else NOTHING
            )
        first = rows.iloc[0]
        title = f"{protocol}: seeds needed to show a difference of {100 * first['difference']:g} points"
        title += f" with {100 * first['power']:g}% power, tested with its family"
        found.append(listed(title, cells, _limits(rows)))
    return found


def odds(effects: pd.DataFrame, shares: pd.DataFrame) -> list[Matrix]:
    """Return log odds of every family of the mixed model, and the shares of variance."""
    found = []
    for protocol, rows in effects.groupby("protocol", sort=False):
        cells: dict[tuple[str, str], Cell] = {}
        for row in records(rows):
            name = f"{row['question']}: {shift_label(row['a'])}" if row["b"] == "none" else ""
            name = name or f"{agent_label(row['a'])} − {agent_label(row['b'])}"
            value = f"{row['log_odds']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
            known = np.isfinite(row["log_odds"])
            cells[name, "log odds"] = Cell(
                row["log_odds"], row["low"], row["high"], words=value if known else row["note"]
            )
            cells[name, "p"] = Cell(
                row["p_adjusted"], np.nan, np.nan, words=f"{row['p_adjusted']:.3f}" if known else NOTHING
            )
        found.append(listed(f"{protocol}: mixed-effects logistic model", cells, ()))
    parts = {"seed": "seed", "seed_by_condition": "seed by condition", "scene": "scene", "draw": "draw"}
    for protocol, rows in shares.groupby("protocol", sort=False):
        held: dict[tuple[str, str], Cell] = {
            (row["question"], label): _share(row[f"{part}_share"])
            for row in records(rows)
            for part, label in parts.items()
        }
        found.append(listed(f"{protocol}: where success varies", held, ()))
    return found


def targets(table: pd.DataFrame) -> list[Matrix]:
    """Return our success beside the published, and the difference."""
    cells: dict[tuple[str, str], Cell] = {}
    for row in _ranked(table):
        name = f"{agent_label(row['a'])}: {shift_label(row['shift'])}"
        cells[name, "published"] = Cell(row["published"], row["published_low"], row["published_high"])
        cells[name, "ours"] = Cell(row["estimate"], row["low"], row["high"])
        cells[name, "difference"] = Cell(
            row["difference"],
            row["difference_low"],
            row["difference_high"],
            row["verdict"],
            row["p_adjusted"],
        )
    notes = together((row["note"], agent_label(row["a"])) for row in records(table) if row["note"])
    return [listed("success (%) against the paper's", cells, notes)]


def ranks(table: pd.DataFrame, name: str) -> list[Matrix]:
    """Return a leaderboard with our agents among those published, best first."""
    cells: dict[tuple[str, str], Cell] = {}
    for row in records(table):
        ours = row["who"] == "ours"
        who = f"ours: {agent_label(row['a'])}" if ours else f"{row['a']} ({row['way']})"
        error = f" ± {100 * row['error']:.1f}" if np.isfinite(row["error"]) else ""
        words = "" if ours else f"{percent(row['success'])}{error}"
        cells[who, row["task"]] = Cell(row["success"], row["low"], row["high"], words=words)
        if row["task"] == "all":
            as_theirs = f"± {100 * row['as_theirs']:.1f}" if ours else NOTHING
            cells[who, "with their episodes"] = Cell(row["as_theirs"], np.nan, np.nan, words=as_theirs)
    notes = [f"{row['a']}: {row['note']}" for row in records(table) if row["note"]]
    return [listed(f"success (%) beside {name}", cells, dict.fromkeys(notes))]


def _ranked(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows by agent, an agent's conditions in the order of all tables and figures."""
    agents = {name: place for place, name in enumerate(dict.fromkeys(rows["a"]))}
    return sorted(records(rows), key=lambda row: (agents[row["a"]], condition_rank(row["shift"])))


def _limits(rows: pd.DataFrame) -> Iterable[str]:
    """Return the notes of plans, and of how many comparisons there is none."""
    every = rows.drop_duplicates(["shift", "a", "b"])
    for note, held in every[every["note"] != ""].groupby("note", sort=False):
        unplanned = int(held["power_now"].isna().sum())
        yield f"{unplanned:,} comparisons are not planned: {note}" if unplanned else str(note)


def _planned(row: dict[str, Any], reference: str = "none") -> str:
    """Return the name of a planned comparison: a shift of an agent, or two agents without a shift."""
    if row["shift"] == reference:
        return f"{agent_label(row['a'])} − {agent_label(row['b'])}"
    return f"{agent_label(row['a'])}: {changed(row)}"


def _share(value: float) -> Cell:
    return Cell(value, np.nan, np.nan, words=f"{100 * value:.0f}%")
