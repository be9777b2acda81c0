"""The report's tables: cells that sort by value, read as text, and show an interval as a little bar."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from glam_eval.figures import Absent, Study
from glam_eval.figures.identity import Condition, Look
from glam_eval.figures.draw.shifts import shift_label
from glam_eval.figures.style import thousands
from glam_eval.figures.tables import final, training
from glam_eval.figures.tables.estimates import ALONG, END


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
    """Return one row a condition: size, seeds, success along and at the end of training, time."""
    along, end = Column("Along training"), Column("Success at the end")
    size, seeds, time = Column("Parameters"), Column("Seeds"), Column("Minutes a run")
    efficiency = Column("Return against bot")
    final = _final_success(study)
    areas = _rows_by_condition(study, training.sample_efficiency, "metric", ALONG)
    runs = study.tables.get("runs", pd.DataFrame(columns=["agent", "model", "parameters", "seconds"]))
    means = runs.groupby(["agent", "model"], observed=True)[["parameters", "seconds"]].mean()
    ratios = _bot_ratio(study)
    rows = []
    for condition, look in study.looks.items():
        parameters, seconds = means.loc[condition] if condition in means.index else (np.nan, np.nan)
        row = final.get(condition)
        rows.append(
            [
                _agent_cell(look),
                _number(size, parameters, thousands(parameters) if parameters > 0 else "–"),
                _number(seeds, row["n_seeds"] if row is not None else np.nan),
                _share(end, row),
                _share(along, areas.get(condition)),
                _number(efficiency, ratios.get(condition, np.nan), f"{ratios.get(condition, np.nan):.2f}"),
                _number(time, seconds / 60, f"{seconds / 60:.1f}"),
            ]
        )
    columns = [AGENT, size, seeds, end, along, efficiency, time]
    return Table("overview", "Agents at the end of training", "", columns, rows, searchable=False)


def shift_table(study: Study) -> Table | None:
    """Return success and paired change of every condition under every shift; None without the protocol."""
    try:
        data = study.derive(final.generalization)
    except Absent:
        return None
    shift, change, p_value = Column("Shift", text=True), Column("Change (points)"), Column("p (Holm)")
    rows = []
    for row in data.to_dict("records"):
        low, high = 100 * row["change_low"], 100 * row["change_high"]
        text = f"{100 * row['change']:+.1f}" if np.isfinite(row["change"]) else "–"
        rows.append(
            [
                _agent_cell(study.looks[row["agent"], row["model"]]),
                Cell(shift, shift_label(str(row["shift"]))),
                _share(SUCCESS, row),
                Cell(change, text, row["change"], f"[{low:+.1f}, {high:+.1f}]" if np.isfinite(low) else ""),
                _number(p_value, row["p_adjusted"], _p_text(row["p_adjusted"])),
            ]
        )
    note = (
        "Each shift on the same scenes as no shift; p-values are adjusted over this table by Holm's method."
    )
    return _table("shifts", "Success under each shift", note, [AGENT, shift, SUCCESS, change, p_value], rows)


def task_table(study: Study) -> Table:
    """Return success, steps and the bot's steps for every condition, shift and kind of task."""
    rows_of_final = study.final(study.final_protocol)
    by = ["agent", "model", "shift", "task"]
    data = rows_of_final.groupby(by, observed=True, sort=False).agg(
        success=("success", "mean"),
        length=("length", "mean"),
        bot=("bot_length", "mean"),
        episodes=("success", "size"),
    )
    shift, task = Column("Shift", text=True), Column("Task", text=True)
    steps, bot, count = Column("Steps"), Column("Bot's steps"), Column("Episodes")
    rows = []
    for (agent, model, name, kind), row in data.iterrows():  # type: ignore[misc]
        rows.append(
            [
                _agent_cell(study.looks[str(agent), str(model)]),
                Cell(shift, shift_label(str(name))),
                Cell(task, str(kind).replace("_", " ")),
                _share(SUCCESS, {"mean": row["success"], "low": np.nan, "high": np.nan}),
                _number(steps, row["length"], f"{row['length']:.1f}"),
                _number(bot, row["bot"], f"{row['bot']:.1f}" if row["bot"] > 0 else "–"),
                _number(count, row["episodes"]),
            ]
        )
    note = "All seeds together; for intervals see the table of shifts."
    return _table(
        "tasks", "Success by kind of task", note, [AGENT, shift, task, SUCCESS, steps, bot, count], rows
    )


def _table(name: str, title: str, note: str, columns: list[Column], rows: list[list[Cell]]) -> Table:
    menus = [
        (index, list(dict.fromkeys(row[index].text for row in rows)))
        for index, column in enumerate(columns)
        if column.text
    ]
    return Table(name, title, note, columns, rows, menus=[menu for menu in menus if len(menu[1]) > 1])


def _final_success(study: Study) -> dict[Condition, dict[str, float]]:
    """Return each condition's success without a shift, at the end of training."""
    found = _rows_by_condition(study, final.generalization, "shift", "none")
    return found or _rows_by_condition(study, training.sample_efficiency, "metric", END)


def _rows_by_condition(
    study: Study, make: Callable[[Study], pd.DataFrame], column: str, value: str
) -> dict[Condition, dict[str, float]]:
    try:
        table = study.derive(make)
    except Absent:
        return {}
    return {(r["agent"], r["model"]): r for r in table[table[column] == value].to_dict("records")}


def _bot_ratio(study: Study) -> dict[Condition, float]:
    """Return the bot's steps over the agent's, in the scenes the agent solved (1: as short as the expert's)."""
    rows = study.final(study.final_protocol)
    solved = rows[rows["success"] & (rows["bot_length"] > 0) & (rows["shift"] == "none")]
    ratio = (
        (solved["bot_length"] / solved["length"])
        .groupby([solved["agent"], solved["model"]], observed=True)
        .mean()
    )
    return {(str(a), str(m)): float(value) for (a, m), value in ratio.items()}  # type: ignore[misc]


def _agent_cell(look: Look) -> Cell:
    return Cell(AGENT, look.label, color=look.color, filled=look.filled)


def _share(column: Column, row: dict[str, float] | None) -> Cell:
    if row is None or not np.isfinite(row["mean"]):
        return Cell(column, "–")
    mean, low, high = 100 * row["mean"], 100 * row["low"], 100 * row["high"]
    known = bool(np.isfinite(low) and np.isfinite(high))
    return Cell(
        column,
        f"{mean:.1f}%",
        row["mean"],
        f"[{low:.0f}, {high:.0f}]" if known else "",
        (round(mean, 1), round(low, 1) if known else None, round(high - low, 1) if known else None),
    )


def _number(column: Column, value: float, text: str | None = None) -> Cell:
    if not np.isfinite(value):
        return Cell(column, "–")
    return Cell(column, f"{value:.0f}" if text is None else text, float(value))


def _p_text(p: float) -> str:
    return "–" if not np.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
