"""The report's tables: cells that sort by value, read as text, and show an interval as a little bar."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import generalization, sample_efficiency
from glam_eval.figures.drawings.shifts import base_label, shift_label
from glam_eval.figures.identity import Condition, Look, records
from glam_eval.figures.style import thousands
from glam_eval.figures.tables.estimates import ALONG, WHO
from glam_eval.statistics import add_efficiency, normalized_scores, success_by

Row = dict[str, Any]
REFUSED = "not offered"  # begins the notes that refuse an interval


@dataclass(frozen=True)
class Column:
    """A heading; ``text`` columns sort alphabetically and stand left."""

    title: str
    text: bool = False


@dataclass(frozen=True)
class Cell:
    """What one cell shows: its text, the value it sorts by, and optional marks."""

    column: Column
    text: str
    value: float | str | None = None
    interval: str = ""
    meter: tuple[float, float | None, float | None] | None = (
        None  # percent: estimate, interval's start, its width
    )
    color: str = ""
    filled: bool = False


@dataclass(frozen=True)
class Table:
    """A table that a reader sorts and filters: ``menus`` are columns with the values to choose from."""

    name: str
    title: str
    note: str
    columns: Sequence[Column]
    rows: list[list[Cell]]
    searchable: bool = True
    menus: list[tuple[int, list[str]]] = field(default_factory=list)


AGENT = Column("Agent", text=True)
SUCCESS = Column("Success")


def overview_table(study: Study) -> Table:
    """Return one row a condition: size, seeds, success along and at the end of training, efficiency, time."""
    size, seeds, time = Column("Parameters"), Column("Seeds"), Column("Minutes a run")
    end, along, efficiency = Column("Success at the end"), Column("Along training"), Column("Efficiency")
    finals, areas, lengths, means = (
        _final_success(study),
        _along(study),
        _efficiency(study),
        _run_means(study),
    )
    rows = []
    for condition, look in study.looks.items():
        parameters, seconds = means.get(condition, (np.nan, np.nan))
        row = finals.get(condition)
        rows.append(
            [
                _agent_cell(look),
                number(size, parameters if parameters > 0 else np.nan, thousands(parameters)),
                number(seeds, row["n_seeds"] if row else np.nan),
                share(end, row),
                share(along, areas.get(condition)),
                replace(share(efficiency, lengths.get(condition)), meter=None),
                number(time, seconds / 60, f"{seconds / 60:.1f}"),
            ]
        )
    columns = [AGENT, size, seeds, end, along, efficiency, time]
    shift = study.reference_shift
    note = "" if shift == "none" else f"Success at the end and efficiency: under {shift_label(shift)}."
    return Table("overview", "Agents at the end of training", note, columns, rows, searchable=False)


def shift_table(study: Study) -> Table | None:
    """Return success and paired change of every condition under every shift; None without the protocol."""
    try:
        data = study.derive(generalization.table)
    except Absent:
        return None
    shift, change, p_value = Column("Shift", text=True), Column("Change (points)"), Column("p (adjusted)")
    verdict, against = Column("Verdict", text=True), Column("Against", text=True)
    rows = []
    for row in records(data):
        low, high = 100 * row["change_low"], 100 * row["change_high"]
        text = f"{100 * row['change']:+.1f}" if np.isfinite(row["change"]) else "–"
        rows.append(
            [
                _agent_cell(study.looks[row["agent"], row["model"]]),
                Cell(shift, shift_label(row["shift"])),
                share(SUCCESS, row),
                Cell(against, base_label(row["base"])),
                Cell(change, text, row["change"], f"[{low:+.1f}, {high:+.1f}]" if np.isfinite(low) else ""),
                number(p_value, row["p_adjusted"], _p_text(row["p_adjusted"])),
                Cell(verdict, row["verdict"] or row["note"] or "reference"),
            ]
        )
    note = (
        "Each shift against no shift on the same scenes, or against the simple task of its own level. "
        "Tests and intervals are adjusted over an agent's shifts of one kind; "
        "equivalent: within 5 points by two one-sided tests."
    )
    columns = [AGENT, shift, SUCCESS, against, change, p_value, verdict]
    return table_of("shifts", "Success under each shift", note, columns, rows)


def task_table(study: Study) -> Table:
    """Return success, steps and the bot's steps for every condition, shift and kind of task."""
    episodes = study.usual(study.final(study.final_protocol))
    by = ["agent", "model", "shift", "task"]
    steps_of = episodes.groupby(by, observed=True, sort=False)[["length", "bot_length"]].mean().reset_index()
    data = success_by(episodes, by).merge(steps_of.astype(dict.fromkeys(by, str)), on=by)
    shift, task = Column("Shift", text=True), Column("Task", text=True)
    steps, bot, count = Column("Steps"), Column("Bot's steps"), Column("Episodes a seed")
    between, scores = Column("Between chance and bot"), _normalized(episodes)
    rows = [
        [
            _agent_cell(study.looks[row["agent"], row["model"]]),
            Cell(shift, shift_label(row["shift"])),
            Cell(task, row["task"].replace("_", " ")),
            share(SUCCESS, row),
            replace(share(between, scores.get(tuple(row[name] for name in by))), meter=None),
            number(steps, row["length"], f"{row['length']:.1f}"),
            number(bot, row["bot_length"] if row["bot_length"] > 0 else np.nan, f"{row['bot_length']:.1f}"),
            number(count, row["n_episodes"]),
        ]
        for row in records(data)
    ]
    note = (
        "Between chance and bot: 0 is the success of the best agent without the goal on the same condition "
        "and kind of task, 100 the bot's. Steps are those of all episodes, failures included."
    )
    return table_of(
        "tasks",
        "Success by kind of task",
        note,
        [AGENT, shift, task, SUCCESS, between, steps, bot, count],
        rows,
    )


def _normalized(episodes: pd.DataFrame) -> dict[tuple[str, ...], Row]:
    """Return success between chance and the bot by agent, model, shift and task."""
    table = normalized_scores(episodes, by=("shift", "task"))
    return {(row["agent"], row["model"], row["shift"], row["task"]): row for row in records(table)}


def table_of(name: str, title: str, note: str, columns: list[Column], rows: list[list[Cell]]) -> Table:
    """Return a table with a menu for each text column of several values."""
    menus = [
        (index, list(dict.fromkeys(row[index].text for row in rows)))
        for index, column in enumerate(columns)
        if column.text
    ]
    return Table(name, title, note, columns, rows, menus=[menu for menu in menus if len(menu[1]) > 1])


def _final_success(study: Study) -> dict[Condition, Row]:
    """Return each condition's success at the end of training, without a shift where that was played."""
    return _by_condition(success_by(study.usual(_final(study)), WHO))


def _final(study: Study) -> pd.DataFrame:
    return study.final(study.final_protocol, study.reference_shift)


def _along(study: Study) -> dict[Condition, Row]:
    try:
        table = study.derive(sample_efficiency.table)
    except Absent:
        return {}
    return _by_condition(table[table["metric"] == ALONG])


def _efficiency(study: Study) -> dict[Condition, Row]:
    """Return success weighted by the bot's steps over the agent's (1: all solved as fast as by the bot)."""
    episodes = add_efficiency(study.usual(_final(study)))
    return _by_condition(success_by(episodes, WHO, "efficiency")) if len(episodes) else {}


def _run_means(study: Study) -> dict[Condition, tuple[float, float]]:
    """Return each condition's parameters and mean seconds a run."""
    if "runs" not in study.tables:
        return {}
    means = (
        study.usual(study.factors).groupby(WHO, observed=True)[["parameters", "seconds"]].mean().reset_index()
    )
    return {(row["agent"], row["model"]): (row["parameters"], row["seconds"]) for row in records(means)}


def _by_condition(table: pd.DataFrame) -> dict[Condition, Row]:
    return {(row["agent"], row["model"]): row for row in records(table)}


def _agent_cell(look: Look) -> Cell:
    return Cell(AGENT, look.label, color=look.color, filled=look.filled)


def share(column: Column, row: Row | None) -> Cell:
    """Return a cell of a share in percent, with its interval as text and bar, or a dash."""
    if row is None or not np.isfinite(row["mean"]):
        return Cell(column, "–")
    mean, low, high = 100 * row["mean"], 100 * row["low"], 100 * row["high"]
    known = bool(np.isfinite(low) and np.isfinite(high))
    refused = REFUSED if str(row.get("note", "")).startswith(REFUSED) else ""
    return Cell(
        column,
        f"{mean:.1f}%",
        row["mean"],
        f"[{low:.0f}, {high:.0f}]" if known else refused,
        (round(mean, 1), round(low, 1) if known else None, round(high - low, 1) if known else None),
    )


def number(column: Column, value: float, text: str | None = None) -> Cell:
    """Return a cell of a number; a dash where there is none."""
    if not np.isfinite(value):
        return Cell(column, "–")
    return Cell(column, f"{value:.0f}" if text is None else text, float(value))


def _p_text(p: float) -> str:
    return "–" if not np.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
