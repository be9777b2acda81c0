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
            ends = f" {between.format(_percent(self.low), _percent(self.high))}" if known else ""
            return f"{_percent(self.estimate)}{ends}"
        ends = f" [{_points(self.low)}, {_points(self.high)}]" if known else ""
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
            found.append(_by_condition(title, changes, _compared, _changed))
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
        setting = f" [level={question.rsplit(' on ', 1)[-1]}]"
        cells = {}
        for row in records(held):
            a, b = (agent_label(name).replace(setting, "") for name in (row["a"], row["b"]))
            cells[f"{a} − {b}", "difference"] = _compared(row)
            cells[f"{a} − {b}", "p"] = _p_value(row["p_adjusted"])
        title = f"{what}, differences in points, {question}, simultaneous 95% intervals"
        yield _texts(title, cells, _notes(held))


def _p_value(p: float) -> Cell:
    words = NOTHING if not np.isfinite(p) else "<.001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
    return Cell(p, np.nan, np.nan, words=words)


def _alone(row: dict[str, Any]) -> Cell:
    return Cell(row["estimate"], row["low"], row["high"])


def _compared(row: dict[str, Any]) -> Cell:
    return Cell(row["estimate"], row["low"], row["high"], row["verdict"], row["p_adjusted"])


def _changed(row: dict[str, Any]) -> str:
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
    return _together((note, agent) for note, agent in told if not note.startswith(usual))


def _together(told: Iterable[tuple[str, str]]) -> list[str]:
    """Return each note once, before it the agents it is about."""
    agents: dict[str, list[str]] = {}
    for note, agent in told:
        agents.setdefault(note, []).append(agent)
    return [f"{', '.join(dict.fromkeys(names))}: {note}" for note, names in agents.items()]


def _percent(value: float) -> str:
    return str(round(100 * value))  # an integer has no negative zero


def _points(value: float) -> str:
    rounded = round(100 * value) + 0
    return f"{rounded:+d}" if rounded else "0"


PLAN_LEGEND = (
    "Seeds a condition with so many scenes; now: power with today's seeds x scenes; – more than 200 seeds."
)
ODDS_LEGEND = (
    "Log odds with simultaneous 95% intervals; shares of the variance of a logit, draw: the episode's own."
)
TARGET_LEGEND = "Published: read off figures, to within a point; verdicts are of our success against that."

RANK_LEGEND = "Theirs ± the error that they gave; ours with 95% intervals over seeds and scenes."


def plans(table: pd.DataFrame) -> list[Matrix]:
    """Return the seeds that each comparison needs, by the number of scenes."""
    found = []
    for protocol, rows in table.groupby("protocol", sort=False):
        cells: dict[tuple[str, str], Cell] = {}
        for row in records(rows):
            name = _planned(row)
            seen = f"{row['power_now']:.2f} ({row['seeds_now']}x{row['scenes_now']})"
            cells[name, "now"] = Cell(
                row["power_now"], np.nan, np.nan, words=seen if np.isfinite(row["power_now"]) else NOTHING
            )
            needed = row["seeds_needed"]
            cells[name, f"{row['scenes']} scenes"] = Cell(
                needed, np.nan, np.nan, words=f"{needed:.0f}" if np.isfinite(needed) else NOTHING
            )
        first = rows.iloc[0]
        title = f"{protocol}: seeds needed to show a difference of {100 * first['difference']:g} points"
        title += f" with {100 * first['power']:g}% power, tested with its family"
        found.append(_texts(title, cells, dict.fromkeys(rows["note"][rows["note"] != ""])))
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
        found.append(_texts(f"{protocol}: mixed-effects logistic model", cells, ()))
    parts = {"seed": "seed", "seed_by_condition": "seed by condition", "scene": "scene", "draw": "draw"}
    for protocol, rows in shares.groupby("protocol", sort=False):
        held: dict[tuple[str, str], Cell] = {
            (row["question"], label): _share(row[f"{part}_share"])
            for row in records(rows)
            for part, label in parts.items()
        }
        found.append(_texts(f"{protocol}: where success varies", held, ()))
    return found


def targets(table: pd.DataFrame) -> list[Matrix]:
    """Return our success beside the published, and the difference."""
    cells: dict[tuple[str, str], Cell] = {}
    for row in records(table):
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
    notes = _together((row["note"], agent_label(row["a"])) for row in records(table) if row["note"])
    return [_texts("success (%) against the paper's", cells, notes)]


def ranks(table: pd.DataFrame, name: str) -> list[Matrix]:
    """Return a leaderboard with our agents among those published, best first."""
    cells: dict[tuple[str, str], Cell] = {}
    for row in records(table):
        ours = row["who"] == "ours"
        who = f"ours: {agent_label(row['a'])}" if ours else f"{row['a']} ({row['way']})"
        error = f" ± {100 * row['error']:.1f}" if np.isfinite(row["error"]) else ""
        words = "" if ours else f"{_percent(row['success'])}{error}"
        cells[who, row["task"]] = Cell(row["success"], row["low"], row["high"], words=words)
        if row["task"] == "all":
            as_theirs = f"± {100 * row['as_theirs']:.1f}" if ours else NOTHING
            cells[who, "with their episodes"] = Cell(row["as_theirs"], np.nan, np.nan, words=as_theirs)
    notes = [f"{row['a']}: {row['note']}" for row in records(table) if row["note"]]
    return [_texts(f"success (%) beside {name}", cells, dict.fromkeys(notes))]


def _planned(row: dict[str, Any], reference: str = "none") -> str:
    """Return the name of a planned comparison: a shift of an agent, or two agents without a shift."""
    if row["shift"] == reference:
        return f"{agent_label(row['a'])} − {agent_label(row['b'])}"
    return f"{agent_label(row['a'])}: {_changed(row)}"


def _share(value: float) -> Cell:
    return Cell(value, np.nan, np.nan, words=f"{100 * value:.0f}%")


def _texts(title: str, cells: dict[tuple[str, str], Cell], notes: Iterable[str]) -> Matrix:
    """Return a matrix of cells, its rows and columns in their order."""
    columns = list(dict.fromkeys(column for _, column in cells))
    return Matrix(title, columns, list(dict.fromkeys(row for row, _ in cells)), cells, list(notes))
