"""All comparisons of one protocol: estimates, drops from the reference, differences between agents."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from glam_eval.config.protocols import GOAL_MARK
from glam_eval.core.comparison_records import ComparisonRecord
from glam_eval.core.errors import unknown
from glam_eval.statistics.cells import Cells
from glam_eval.statistics.chance import has_weights, is_goal_blind
from glam_eval.statistics.comparison.bases import KIND
from glam_eval.statistics.comparison.contrasts import (
    beyond,
    describe_condition,
    gap,
    independent,
    paired,
)
from glam_eval.statistics.comparison.families import WORLDS, Training, pairs_question, question_of
from glam_eval.statistics.comparison.verdicts import Contrast, settle_family
from glam_eval.statistics.names import condition_name

MARGIN = 0.05  # "no worse than 5 points"
BEYOND = "success beyond chance"  # what goal-blind agents gain or lose says nothing about goals


class ProtocolComparisons:
    """The conditions of one protocol (rows of ``cells`` with shift, agent and model), compared.

    ``agents`` are the (agent, model) pairs and ``names`` their names in the table, in one order.
    ``trained`` says by name what each was trained in: agents are compared within a setting. ``bases`` says by
    shift what it is compared with where that is not ``reference``.
    """

    def __init__(
        self,
        cells: Cells,
        protocol: str,
        measure: str,
        reference: str,
        margin: float,
        generator: np.random.Generator,
        trained: Mapping[str, Training] | None = None,
        bases: Mapping[str, str] | None = None,
    ) -> None:
        self._cells, self._protocol, self._measure = cells, protocol, measure
        self._reference, self._margin, self._generator = reference, margin, generator
        self._trained, self._bases = trained or {}, bases or {}
        keys = [(str(s), str(a), str(m)) for s, a, m in cells.conditions[["shift", "agent", "model"]].values]
        self.agents = sorted({(agent, model) for _, agent, model in keys})
        self.names = [condition_name(*who) for who in self.agents]
        shifts = {shift for shift, _, _ in keys if KIND not in shift}
        self.shifts = sorted(shifts, key=lambda shift: (shift != reference, shift))
        played = np.asarray((~np.isnan(cells.values)).any(axis=(1, 2)))
        self._index = {(s, condition_name(a, m)): row for row, (s, a, m) in enumerate(keys) if played[row]}

    def _chance(self) -> str | None:
        """Return the best goal-blind agent at the reference; None where there is none."""
        blind = [
            name
            for name, (agent, _) in zip(self.names, self.agents, strict=True)
            if is_goal_blind(agent) and (self._reference, name) in self._index
        ]
        means = {name: np.nanmean(self._cells.values[self._index[self._reference, name]]) for name in blind}
        return max(blind, key=means.__getitem__, default=None)

    def estimates(self) -> list[ComparisonRecord]:
        """Return every agent under every shift alone; one that was not played is a row that says so."""
        return [self._alone(shift, name) for name in self.names for shift in self.shifts]

    def drops(self) -> list[ComparisonRecord]:
        """Return the paired difference of every shift to its base: a family an agent and question."""
        rows = []
        for (agent, _), name in zip(self.agents, self.names, strict=True):
            rows += self._settled(name, self._measure, self._paired(name, has_weights(agent)))
        return rows

    def drops_beyond_chance(self) -> list[ComparisonRecord]:
        """Return the change in other tasks and rooms less that of the best goal-blind agent, by agent."""
        rows: list[ComparisonRecord] = []
        chance = self._chance() if self._measure == "success" else None
        for (agent, _), name in zip(self.agents, self.names, strict=True):
            if chance is not None and not is_goal_blind(agent):
                rows += self._settled(name, BEYOND, self._beyond(name, chance))
        return rows

    def _settled(self, name: str, measure: str, contrasts: Iterator[Contrast]) -> list[ComparisonRecord]:
        families: dict[str, list[Contrast]] = {}
        for contrast in contrasts:
            families.setdefault(question_of(contrast.row.shift), []).append(contrast)
        rows = []
        for question, family in families.items():
            rows += settle_family(f"{self._protocol}, {measure}: {question} of {name}", family)
        return rows

    def pairs(self, baseline: str | None = None) -> list[ComparisonRecord]:
        """Return the difference between agents, a family for each shift and question."""
        if baseline is not None and baseline not in self.names:
            raise unknown("baseline", baseline, self.names)
        rows = []
        for shift in (shift for shift in self.shifts if GOAL_MARK not in shift):
            families: dict[str, list[Contrast]] = {}
            for a, b in self._asked(shift, baseline):
                question = pairs_question(*(self._trained.get(name, Training()) for name in (a, b)))
                if question is not None:
                    families.setdefault(question, []).append(self._independent(shift, a, b))
            for question, contrasts in families.items():
                rows += settle_family(
                    f"{self._protocol}, {self._measure}: {question} under {shift}", contrasts
                )
        return rows

    def _asked(self, shift: str, baseline: str | None) -> list[tuple[str, str]]:
        """Return the pairs of agents played under a shift."""
        played = [name for name in self.names if (shift, name) in self._index]
        if baseline is None:
            return list(combinations(played, 2))
        return [(name, baseline) for name in played if name != baseline and baseline in played]

    def _alone(self, shift: str, name: str) -> ComparisonRecord:
        index = self._index.get((shift, name))
        if index is None:
            return gap(self._protocol, shift, name, self._measure)
        return describe_condition(self._cells, index, self._protocol, shift, name, self._measure)

    def _compared(self, name: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
        """Yield an agent's shifts with their bases, and the rows of both where both were played."""
        for shift in self.shifts:
            base = self._bases.get(shift, self._reference)
            rows = self._index.get((shift, name)), self._index.get((base, name))
            if shift != self._reference and rows[0] is not None and rows[1] is not None:
                yield shift, base, (rows[0], rows[1])

    def _paired(self, name: str, weights: bool) -> Iterator[Contrast]:
        for shift, base, (index, other) in self._compared(name):
            row, apart = (self._protocol, shift, self._measure, name, base), base != self._reference
            contrast = paired(
                self._cells, index, other, row, self._margin, self._generator, apart=apart, weights=weights
            )
            if contrast is not None:
                yield contrast

    def _beyond(self, name: str, chance: str) -> Iterator[Contrast]:
        blind = {shift: rows for shift, _, rows in self._compared(chance)}
        for shift, base, rows in self._compared(name):
            if shift in blind and (question_of(shift) == WORLDS or base != self._reference):
                row = (self._protocol, shift, BEYOND, name, base)
                contrast = beyond(self._cells, rows, blind[shift], row, self._margin, self._generator, chance)
                if contrast is not None:
                    yield contrast

    def _independent(self, shift: str, a: str, b: str) -> Contrast:
        row = (self._protocol, shift, self._measure, a, b)
        first, second = self._index[shift, a], self._index[shift, b]
        return independent(self._cells, first, second, row, self._margin, self._generator)
