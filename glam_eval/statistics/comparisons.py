"""The table of comparisons: every condition's estimate, every drop, every difference between agents."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pandas as pd

from glam_eval.core.errors import UserError, unknown
from glam_eval.core.records import ComparisonRecord
from glam_eval.results import columns_of
from glam_eval.statistics.cells import Cells, final_checkpoints, require_columns, tabulate
from glam_eval.statistics.contrasts import (
    Contrast,
    describe_condition,
    gap,
    independent,
    paired,
    settle_family,
)
from glam_eval.statistics.curves import areas, curve_episodes
from glam_eval.statistics.variants import name_variants

MARGIN = 0.05  # "no worse than 5 points"
AREA = "area_under_curve"


def compare(
    episodes: pd.DataFrame,
    generator: np.random.Generator,
    *,
    runs: pd.DataFrame | None = None,
    training: pd.DataFrame | None = None,
    baseline: str | None = None,
    reference: str = "none",
    measure: str = "success",
    margin: float = MARGIN,
) -> pd.DataFrame:
    """Return the comparisons table (``ComparisonRecord``'s columns) of a study.

    For each protocol, at each run's last checkpoint: the estimate of every agent/model under every shift
    (b empty); the paired difference of every shift to ``reference`` within an agent/model (b names the
    shift); the difference between every two agents/models under one shift, or only to ``baseline``
    ("agent/model"). And the same of areas under learning curves, from the episodes of a protocol with
    several checkpoints, else from ``training``. ``runs`` tells variants of one agent and model apart.

    Tests of one question are one family, adjusted by Holm: all shifts of one agent in a protocol; all pairs
    of agents under one shift. ``margin`` is that of equivalence. ``generator`` draws permutations when seeds
    are too many to enumerate. A condition that others were played in and one was not is a row that says so.
    """
    require_columns(episodes, ["run_id", "agent", "model", "seed", "frames", "protocol", "shift"], "episodes")
    if runs is not None:
        episodes = name_variants(episodes, runs)
        training = name_variants(training, runs) if training is not None else None
    if episodes.empty:
        raise UserError("there are no episodes to compare")
    rows: list[ComparisonRecord] = []
    final = final_checkpoints(episodes)
    for protocol in sorted(final["protocol"].astype(str).unique()):
        cells = tabulate(final[final["protocol"] == protocol], ["shift", "agent", "model"], measure)
        study = _Study(cells, protocol, measure, reference, margin, generator)
        rows += study.rows(baseline)
    rows += _area_rows(episodes, training, baseline, reference, margin, generator)
    names = {column.attribute: column.name for column in columns_of(ComparisonRecord)}
    return pd.DataFrame([asdict(row) for row in rows], columns=list(names)).rename(columns=names)


class _Study:
    """One protocol's conditions (rows of ``cells`` with shift, agent, model) and the comparisons asked."""

    def __init__(
        self,
        cells: Cells,
        protocol: str,
        measure: str,
        reference: str,
        margin: float,
        generator: np.random.Generator,
    ) -> None:
        self._cells, self._protocol, self._measure = cells, protocol, measure
        self._reference, self._margin, self._generator = reference, margin, generator
        conditions = cells.conditions
        self._agents = list(
            dict.fromkeys(condition_name(a, m) for a, m in conditions[["agent", "model"]].values)
        )
        self._shifts = list(dict.fromkeys(conditions["shift"]))
        if reference in self._shifts:  # the reference first, the others in order
            self._shifts.sort(key=lambda shift: shift != reference)
        names = zip(conditions["shift"], conditions["agent"], conditions["model"], strict=True)
        self._index = {(shift, condition_name(a, m)): row for row, (shift, a, m) in enumerate(names)}

    def rows(self, baseline: str | None) -> list[ComparisonRecord]:
        """Return estimates, then drops, then differences between agents."""
        if baseline is not None and baseline not in self._agents:
            raise unknown("baseline", baseline, self._agents)
        rows = [self._describe(shift, agent) for agent in self._agents for shift in self._shifts]
        for agent in self._agents:
            rows += settle_family(f"{self._protocol}: shifts of {agent}", list(self._drops(agent)))
        for shift in self._shifts:
            family = f"{self._protocol}: agents under {shift}"
            rows += settle_family(family, list(self._pairs(shift, baseline)))
        return rows

    def _describe(self, shift: str, agent: str) -> ComparisonRecord:
        index = self._index.get((shift, agent))
        if index is None:
            return gap(self._protocol, shift, agent, self._measure)
        return describe_condition(self._cells, index, self._protocol, shift, agent, self._measure)

    def _drops(self, agent: str) -> Iterator[Contrast]:
        base = self._index.get((self._reference, agent))
        for shift in self._shifts:
            index = self._index.get((shift, agent))
            if shift == self._reference or index is None or base is None:
                continue
            row = (self._protocol, shift, self._measure, agent, self._reference)
            contrast = paired(self._cells, index, base, row, self._margin, self._generator)
            if contrast is not None:
                yield contrast

    def _pairs(self, shift: str, baseline: str | None) -> Iterator[Contrast]:
        played = [agent for agent in self._agents if (shift, agent) in self._index]
        pairs: Sequence[tuple[str, str]] = list(combinations(played, 2))
        if baseline is not None:
            pairs = [(agent, baseline) for agent in played if agent != baseline and baseline in played]
        for a, b in pairs:
            row = (self._protocol, shift, self._measure, a, b)
            first, second = self._index[shift, a], self._index[shift, b]
            yield independent(self._cells, first, second, row, self._margin, self._generator)


def condition_name(agent: str, model: str) -> str:
    """Return the name of a condition in the table: agent/model, or the agent alone where it has no model."""
    return agent if model in ("none", "") else f"{agent}/{model}"


def _area_rows(
    episodes: pd.DataFrame,
    training: pd.DataFrame | None,
    baseline: str | None,
    reference: str,
    margin: float,
    generator: np.random.Generator,
) -> list[ComparisonRecord]:
    """Return the comparisons of areas under learning curves; none where nothing was measured twice."""
    table, protocol = curve_episodes(episodes, reference), "training"
    if len(table):
        protocol = str(table["protocol"].iloc[0])
    elif training is not None and len(training):
        table = training
    else:
        return []
    cells, _ = areas(table)
    reached = ~np.isnan(cells.values).all(axis=(1, 2))
    conditions = cells.conditions[reached].reset_index(drop=True).assign(shift=reference)
    kept = Cells(conditions, cells.values[reached], cells.counts[reached])
    study = _Study(kept, protocol, AREA, reference, margin, generator)
    return study.rows(baseline)
