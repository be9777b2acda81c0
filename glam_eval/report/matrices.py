"""Comparisons as matrices that people read, labelled as in figures: agents by conditions, and differences."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glam_eval.config.protocols import condition_rank
from glam_eval.figures.drawings.shifts import base_label, shift_label
from glam_eval.figures.identity import condition_label, records
from glam_eval.statistics.comparison.protocol import BEYOND
from glam_eval.statistics.curves import AREA, END_GAIN, GAIN

MARKS = {"higher": "↑", "lower": "↓", "equivalent": "=", "no worse": "≥", "undecided": "?", "untested": "–"}
LEGEND = "↑ higher, ↓ lower, = within 5 points, ≥ no worse than 5 points below, ? undecided, – not offered."
MEASURES = {
    "success": "success",
    AREA: "mean success along training",
    GAIN: "mean success along training less that at its start",
    END_GAIN: "success at the end of training less that at its start",
    BEYOND: BEYOND,
}
NOTHING = "–"
FEW_PAIRS = 15  # that are listed although none could be tested


@dataclass(frozen=True)
class Cell:
    """One number of a matrix, with its interval and what its test shows."""

    estimate: float
    low: float
    high: float
    verdict: str = ""
    p_adjusted: float = np.nan
    words: str = ""  # instead of the number
    signed: bool = False  # may be below 0, so that a dash between its ends would be read as a minus

    @property
    def text(self) -> str:
        """The number as people read it: percent, or points where it is a difference, or a dash."""
        if self.words or not np.isfinite(self.estimate):
            return self.words or NOTHING
        known = np.isfinite(self.low) and np.isfinite(self.high)
        if not self.verdict:
            between = "[{}, {}]" if self.signed else "{}–{}"
            ends = f" {between.format(percent(self.low), percent(self.high))}" if known else ""
            return f"{percent(self.estimate)}{ends}"
        exact = self.verdict in ("higher", "lower")  # then 0 is outside, also where an end rounds to it
        ends = f" [{_points(self.low, exact=exact)}, {_points(self.high, exact=exact)}]" if known else ""
        return f"{_points(self.estimate)}{ends} {MARKS[self.verdict]}"


@dataclass(frozen=True)
class Matrix:
    """A table of cells by row and column, in order; a pair that was not compared is no cell."""

    title: str
    columns: Sequence[str]
    rows: Sequence[str]
    cells: dict[tuple[str, str], Cell]
    notes: Sequence[str] = ()

    def text(self, row: str, column: str) -> str:
        """Return what stands in a cell, nothing where there is none."""
        return self.cells[row, column].text if (row, column) in self.cells else ""

    def frame(self) -> pd.DataFrame:
        """Return the matrix as texts, its first column the rows' names."""
        texts = {column: [self.text(row, column) for row in self.rows] for column in self.columns}
        return pd.DataFrame({"": list(self.rows), **texts})

    def tidy(self) -> pd.DataFrame:
        """Return the matrix as numbers, one row a cell."""
        held = [
            (self.title, *key, c.estimate, c.low, c.high, c.p_adjusted, c.verdict)
            for key, c in self.cells.items()
        ]
        return pd.DataFrame(
            held, columns=["table", "row", "column", "estimate", "low", "high", "p_adjusted", "verdict"]
        )


def matrices(comparisons: pd.DataFrame, reference: str = "none") -> list[Matrix]:
    """Return for each protocol and measure estimates, changes from the bases, differences between agents.

    Differences between agents are those under ``reference``; the long table has the other conditions'.
    """
    found: list[Matrix] = []
    for (protocol, measure), rows in comparisons.groupby(["protocol", "measure"], sort=False):
        what = f"{protocol}: {MEASURES.get(str(measure), str(measure))}"
        agents = set(comparisons["a"])
        alone, between = rows[rows["b"] == ""], rows[(rows["b"] != "") & rows["b"].isin(agents)]
        changes = rows[(rows["b"] != "") & ~rows["b"].isin(agents)]
        if len(alone):
            found.append(
                _by_condition(
                    f"{what} (%), 95% intervals", alone, _alone, lambda row: shift_label(row["shift"])
                )
            )
        if len(changes):
            less = ", less that of chance" if measure == BEYOND else ""
            title = (
                f"{what.removesuffix(' beyond chance')}, change in points{less}, simultaneous 95% intervals"
            )
            found.append(_by_condition(title, changes, _compared, changed))
        at = between[between["shift"] == reference]
        if len(at):
            found += _pairs(what, at)
    return found


def agent_label(name: str) -> str:
    """Return the display name of an agent of the comparisons, for instance "gflan/t5-nano"."""
    agent, _, model = name.partition("/")
    bare, _, variant = model.partition(" [")
    label = condition_label(agent, bare)
    return f"{label} [{variant}" if variant else label


def _by_condition(
    title: str,
    rows: pd.DataFrame,
    cell: Callable[[dict[str, Any]], Cell],
    label: Callable[[dict[str, Any]], str],
) -> Matrix:
    """Return a matrix with the longer of agents and conditions down, so that it is narrow."""
    told = sorted(records(rows), key=lambda row: condition_rank(row["shift"]))
    conditions = list(dict.fromkeys(label(row) for row in told))
    agents = list(dict.fromkeys(agent_label(row["a"]) for row in records(rows)))
    cells = {(agent_label(row["a"]), label(row)): cell(row) for row in told}
    notes = _notes(rows)
    if len(conditions) > len(agents):
        turned = {(condition, agent): value for (agent, condition), value in cells.items()}
        return Matrix(title, agents, conditions, turned, notes)
    return Matrix(title, conditions, agents, cells, notes)


def _pairs(what: str, rows: pd.DataFrame) -> Iterator[Matrix]:
    """Yield one matrix a family of pairs, the trained agents' first, without the setting that all share."""
    families = sorted(dict.fromkeys(rows["family"]), key=lambda family: "untrained" in family)
    for family in families:
        held = rows[rows["family"] == family]
        question = family.split(": ")[-1].rsplit(" under ", 1)[0]
        title = f"{what}, differences in points, {question}, simultaneous 95% intervals"
        if len(held) > FEW_PAIRS and held["p_adjusted"].isna().all():
            yield Matrix(title, (), (), {}, [f"{len(held)} pairs, none of them tested: {_why(held)}"])
            continue
        setting = f" [level={question.rsplit(' on ', 1)[-1]}]"
        cells = {}
        for row in records(held):
            a, b = (agent_label(name).replace(setting, "") for name in (row["a"], row["b"]))
            cells[f"{a} − {b}", "difference"] = _compared(row)
            cells[f"{a} − {b}", "p"] = _p_value(row["p_adjusted"])
        yield listed(title, cells, _notes(held))


def _why(rows: pd.DataFrame) -> str:
    """Return the notes of rows, each once."""
    return ", ".join(dict.fromkeys(note for notes in rows["note"] for note in notes.split("; ") if note))


def _p_value(p: float) -> Cell:
    words = NOTHING if not np.isfinite(p) else "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
    return Cell(p, np.nan, np.nan, words=words)


def _alone(row: dict[str, Any]) -> Cell:
    return Cell(row["estimate"], row["low"], row["high"])


def _compared(row: dict[str, Any]) -> Cell:
    return Cell(row["estimate"], row["low"], row["high"], row["verdict"], row["p_adjusted"])


def changed(row: dict[str, Any]) -> str:
    """Return the display name of a condition, with its base where that is another than no change."""
    against = "" if row["b"] == "none" else f" (from {base_label(row['b'])})"
    return f"{shift_label(row['shift'])}{against}"


def _notes(rows: pd.DataFrame) -> list[str]:
    """Return what limits single rows: what is missing or refused, not what holds of all."""
    told = (
        (note, agent_label(row["a"]))
        for row in records(rows[rows["note"] != ""])
        for note in row["note"].split("; ")
    )
    usual = ("few seeds", "under-powered", "the same on every", "yet within")
    return together((note, agent) for note, agent in told if not note.startswith(usual))


def together(told: Iterable[tuple[str, str]]) -> list[str]:
    """Return each note once, before it the agents it is about."""
    agents: dict[str, list[str]] = {}
    for note, agent in told:
        agents.setdefault(note, []).append(agent)
    return [f"{', '.join(dict.fromkeys(names))}: {note}" for note, names in agents.items()]


def percent(value: float) -> str:
    """Return a share in whole percent."""
    return str(round(100 * value))  # an integer has no negative zero


def _points(value: float, *, exact: bool = False) -> str:
    """Return a difference in whole points; an ``exact`` one has a digit that is not 0."""
    rounded = round(100 * value) + 0
    return f"{rounded:+d}" if rounded else f"{100 * value:+.1g}" if exact and value else "0"


def listed(title: str, cells: dict[tuple[str, str], Cell], notes: Iterable[str]) -> Matrix:
    """Return a matrix of cells, its rows and columns in their order."""
    columns = list(dict.fromkeys(column for _, column in cells))
    return Matrix(title, columns, list(dict.fromkeys(row for row, _ in cells)), cells, list(notes))
