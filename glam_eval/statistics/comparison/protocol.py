"""All comparisons of one protocol: estimates, drops from the reference, differences between agents."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from glam_eval.core.errors import unknown
from glam_eval.core.records import ComparisonRecord
from glam_eval.statistics.cells import Cells
from glam_eval.statistics.comparison.contrasts import (
    Contrast,
    describe_condition,
    gap,
    independent,
    paired,
    settle_family,
)
from glam_eval.statistics.comparison.families import Training, pairs_question, question_of
from glam_eval.statistics.comparison.names import condition_name

MARGIN = 0.05  # "no worse than 5 points"


class ProtocolComparisons:
    """The conditions of one protocol (rows of ``cells`` with shift, agent and model), compared.

    ``agents`` are the (agent, model) pairs and ``names`` their names in the table, in one order.
    ``trained`` says by
    name what each was trained in: agents are compared within a setting.

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
    ) -> None:
        self._cells, self._protocol, self._measure = cells, protocol, measure
        self._reference, self._margin, self._generator = reference, margin, generator
        self._trained = trained or {}
        keys = [(str(s), str(a), str(m)) for s, a, m in cells.conditions[["shift", "agent", "model"]].values]
        self.agents = sorted({(agent, model) for _, agent, model in keys})
        self.names = [condition_name(*who) for who in self.agents]
        self.shifts = sorted({shift for shift, _, _ in keys}, key=lambda shift: (shift != reference, shift))
        played = np.asarray((~np.isnan(cells.values)).any(axis=(1, 2)))
        self._index = {(s, condition_name(a, m)): row for row, (s, a, m) in enumerate(keys) if played[row]}

    def estimates(self) -> list[ComparisonRecord]:
        """Return every agent under every shift alone; one that was not played is a row that says so."""
        return [self._alone(shift, name) for name in self.names for shift in self.shifts]

    def drops(self) -> list[ComparisonRecord]:
        """Return the paired difference of every shift to the reference: a family an agent and question."""
        rows = []
        for name in self.names:
            families: dict[str, list[Contrast]] = {}
            for contrast in self._paired(name):
                families.setdefault(question_of(contrast.row.shift), []).append(contrast)
            for question, contrasts in families.items():
                rows += settle_family(f"{self._protocol}, {self._measure}: {question} of {name}", contrasts)
        return rows

    def pairs(self, baseline: str | None = None) -> list[ComparisonRecord]:
        """Return the difference between agents, a family for each shift and question."""
        if baseline is not None and baseline not in self.names:
            raise unknown("baseline", baseline, self.names)
        rows = []
        for shift in self.shifts:
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

    def _paired(self, name: str) -> Iterator[Contrast]:
        base = self._index.get((self._reference, name))
        for shift in self.shifts:
            index = self._index.get((shift, name))
            if shift == self._reference or index is None or base is None:
                continue
            row = (self._protocol, shift, self._measure, name, self._reference)
            contrast = paired(self._cells, index, base, row, self._margin, self._generator)
            if contrast is not None:
                yield contrast

    def _independent(self, shift: str, a: str, b: str) -> Contrast:
        row = (self._protocol, shift, self._measure, a, b)
        first, second = self._index[shift, a], self._index[shift, b]
        return independent(self._cells, first, second, row, self._margin, self._generator)
