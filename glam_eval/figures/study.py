"""A study as figures and report see it: its tables, its conditions and what was varied between its runs."""

import json
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from glam_eval.config.protocols import condition_rank
from glam_eval.core.errors import UserError
from glam_eval.core.text import printable
from glam_eval.figures.identity import Condition, Look, assign_looks, conditions_of, records
from glam_eval.language import ACTION_SETS
from glam_eval.results import load_results, table_names
from glam_eval.statistics import Gap, complete, failed_runs, name_variants

# What figures sweep over: factor -> where the run's configuration holds it. Any other difference between runs
# of one agent and model makes them conditions of their own.
FACTORS = {
    "level": ("environment", "level"),
    "language": ("environment", "language"),
    "actions": ("environment", "actions"),
    "remembered": ("environment", "remembered"),
    "template": ("environment", "template"),
}
TOLD = 4  # things missing that a caption has room for
DEFAULT_DISTRACTORS = {"GoToLocal": 8}  # objects in the room where the level's name does not say


class Absent(Exception):  # noqa: N818  (an answer, not an error: the study has no data for a figure)
    """A study holds nothing to draw; the message is the reason, as a clause."""


@dataclass(frozen=True)
class Study:
    """The tables of one results directory, by name; a table that is not there is simply missing.

    ``gaps`` is what they lack, and what was left out of them.
    """

    tables: Mapping[str, pd.DataFrame]
    gaps: tuple[Gap, ...] = ()
    _derived: dict[Callable[["Study"], pd.DataFrame], pd.DataFrame] = field(default_factory=dict, repr=False)
    rendered: dict[Hashable, Any] = field(default_factory=dict, repr=False)  # figures, by definition

    @classmethod
    def load(cls, results_dir: Path) -> "Study":
        """Read every table of a results directory.

        Raises:
            UserError: If it holds no episodes.
        """
        held = dict.fromkeys(
            ["episodes", *table_names(results_dir)]
        )  # no episodes: the reader says what is wrong
        return cls.of({name: _showable(load_results(results_dir, table=name)) for name in held})

    @classmethod
    def of(cls, tables: Mapping[str, pd.DataFrame]) -> "Study":
        """Return the study of tables; runs that differ in more than the factors become own conditions.

        What runs stored before they failed or stopped is left out: it is no result of the training asked for.
        """
        runs = tables.get("runs")
        tables = tables if runs is None else cls._told_apart(tables, runs)
        known = complete(tables["episodes"], runs)
        kept = {
            name: table if name == "runs" or "run_id" not in table else _without(table, known.left_out)
            for name, table in tables.items()
        }
        return cls(kept | {"episodes": known.episodes}, known.gaps)

    @staticmethod
    def _told_apart(tables: Mapping[str, pd.DataFrame], runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """Return the tables with conditions of their own for runs that differ in more than the factors."""
        told_apart = runs.assign(
            config=[_without_factors(r, c) for r, c in zip(runs["run_id"], runs["config"], strict=True)]
        )
        return {
            name: name_variants(table, told_apart) if {"run_id", "model"} <= set(table.columns) else table
            for name, table in tables.items()
        }

    def table(self, name: str) -> pd.DataFrame:
        """Return a table.

        Raises:
            Absent: If the study has none of that name, or an empty one.
        """
        table = self.tables.get(name)
        if table is None or table.empty:
            raise Absent(f"there is no table {name!r}")
        return table

    def episodes(self, protocol: str | None = None, shift: str | None = None) -> pd.DataFrame:
        """Return episodes of a protocol and a shift (default: of all), of every run and checkpoint.

        Raises:
            Absent: If there are none.
        """
        rows = self.table("episodes")
        if protocol is not None:
            rows = rows[rows["protocol"] == protocol]
        if shift is not None:
            rows = rows[rows["shift"] == shift]
        if rows.empty:
            raise Absent(
                f"no episodes of protocol {protocol!r}" + (f" with shift {shift!r}" if shift else "")
            )
        return rows

    def final(self, protocol: str | None = None, shift: str | None = None) -> pd.DataFrame:
        """Return the episodes of each run's last checkpoint, for every protocol on its own."""
        rows = self.episodes(protocol, shift)
        last = rows.groupby(["protocol", "run_id"], observed=True)["frames"].transform("max")
        return rows[rows["frames"] == last]

    def derive(self, make: Callable[["Study"], pd.DataFrame]) -> pd.DataFrame:
        """Return the table that ``make`` derives from this study, computed once."""
        if make not in self._derived:
            self._derived[make] = make(self)
        return self._derived[make]

    def missing(self, table: pd.DataFrame) -> str:
        """Return what the conditions of a table lack, in a sentence; empty where nothing is missing."""
        shown = set(conditions_of(table)) if {"agent", "model"} <= set(table) else set()
        found = [gap.sentence for gap in self.gaps if (gap.agent, gap.model) in shown]
        if not found:
            return ""
        rest = f"; and {len(found) - TOLD} more, which the report lists" if len(found) > TOLD else ""
        return f"Missing: {'; '.join(found[:TOLD])}{rest}."

    @property
    def final_protocol(self) -> str:
        """The protocol that final results are read from: generalization where it was run."""
        protocols = list(self.table("episodes")["protocol"].astype(str).unique())
        return "generalization" if "generalization" in protocols else protocols[0]

    @property
    def reference_shift(self) -> str:
        """The condition that final results are read under: no shift, else the first that was played."""
        shifts = self.episodes(self.final_protocol)["shift"].astype(str).unique()
        return "none" if "none" in shifts else str(min(shifts, key=condition_rank))

    @cached_property
    def looks(self) -> dict[Condition, Look]:
        """The look of every condition, in display order."""
        runs = records(_finished(self.tables["runs"])) if "runs" in self.tables else []
        parameters = {(str(run["agent"]), str(run["model"])): float(run["parameters"]) for run in runs}
        return assign_looks(conditions_of(self.table("episodes")), parameters)

    @cached_property
    def factors(self) -> pd.DataFrame:
        """What was varied, one row a run: every factor, distractors, action_count, parameters, seconds."""
        runs = _finished(self.table("runs"))
        configs = [_config(row["run_id"], row["config"]) for row in records(runs[["run_id", "config"]])]
        table = runs[["run_id", "agent", "model", "parameters", "seconds"]].copy()
        for factor, (group, key) in FACTORS.items():
            table[factor] = pd.Series(
                [config.get(group, {}).get(key) for config in configs], index=runs.index
            )
        table["level"] = table["level"].fillna(runs["level"])
        table["language"] = table["language"].fillna(runs["language"])
        table["distractors"] = [distractors(str(level)) for level in table["level"]]
        table["action_count"] = table["actions"].map(
            {name: len(actions) for name, actions in ACTION_SETS.items()}
        )
        return table

    def usual(self, rows: pd.DataFrame, free: tuple[str, ...] = ()) -> pd.DataFrame:
        """Return the rows of runs with the study's usual settings, but for the factors in ``free``."""
        if "runs" not in self.tables:
            return rows
        return rows[rows["run_id"].isin(self._matching(set(FACTORS) - {*free}))]

    def _matching(self, fixed: set[str]) -> pd.Series:
        """Return the run_id of runs whose factors in ``fixed`` all have their most frequent value."""
        factors = self.factors
        kept = pd.Series(data=True, index=factors.index)
        for factor in sorted(fixed):
            values = factors[factor].dropna()
            if not values.empty:
                kept &= factors[factor].isna() | (factors[factor] == values.mode().iloc[0])
        return factors.loc[kept, "run_id"]

    def sweep(self, factor: str) -> pd.DataFrame:
        """Return run_id and the factor's value for runs that differ from the study's usual ones in it alone.

        Args:
            factor: One of ``FACTORS``, "distractors" (the level's objects) or "action_count".

        Raises:
            Absent: If fewer than two values were tried.
        """
        moving = {"distractors": "level", "action_count": "actions"}.get(factor, factor)
        kept = self._matching(set(FACTORS) - {moving})
        rows = self.factors[self.factors["run_id"].isin(kept)].dropna(subset=[factor])
        if factor == "distractors" and len(rows):  # more objects in a larger room are two changes
            rooms = rows["level"].map(lambda level: re.sub(r"N\d+", "", str(level)).replace("S8", ""))
            rows = rows[rooms == rooms.mode().iloc[0]]
        if rows[factor].nunique() < 2:
            raise Absent(f"every run has the same {factor.replace('_', ' ')}")
        return rows[["run_id", factor]]


def _without(table: pd.DataFrame, left_out: frozenset[str]) -> pd.DataFrame:
    return table[~table["run_id"].isin(left_out)]


def _showable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose texts can stand in figures and pages: others' may hold control characters."""
    shown = {}
    for name, column in table.select_dtypes(["str", "category"]).items():
        texts = [text for text in column.unique() if isinstance(text, str)]
        changed = {text: printable(text) for text in texts if printable(text) != text}
        if changed:
            told = column.astype("object").replace(changed)
            shown[str(name)] = told.astype("str" if column.dtype == "str" else "category")
    return table.assign(**shown)


def _finished(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[~runs["run_id"].isin(failed_runs(runs))]


def distractors(level: str) -> int | None:
    """Return the number of objects in a room of the GoToLocal family, None for other levels."""
    found = re.fullmatch(r"GoToLocal(?:S\d+)?N(\d+)", level)
    return int(found[1]) if found else DEFAULT_DISTRACTORS.get(level)


def _config(run_id: str, text: str) -> dict[str, dict[str, Any]]:
    try:
        config = dict(json.loads(text))
        return config | {group: dict(config[group]) for group, _ in FACTORS.values() if group in config}
    except (TypeError, ValueError):
        raise UserError(
            f"run {run_id!r}: its configuration is not JSON, or no groups of settings; write the runs table "
            "again"
        ) from None


def _without_factors(run_id: str, text: str) -> str:
    """Return a configuration as JSON without the settings that figures sweep over."""
    config = _config(run_id, text)
    for group, key in FACTORS.values():
        config[group] = {name: value for name, value in config.get(group, {}).items() if name != key}
    return json.dumps(config)
