"""The table of coverage: which kinds of study are drawn, and what is counted in each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import pandas as pd

from glam_eval.core.seeds import stream
from glam_eval.statistics.inference.estimates import FEWEST_SEEDS
from glam_eval.statistics.simulation.aggregates import aggregates
from glam_eval.statistics.simulation.goals import goals
from glam_eval.statistics.simulation.learning import gains, learning
from glam_eval.statistics.simulation.models import calibration, log_odds, pretrainings
from glam_eval.statistics.simulation.studies import Cell, Outcome, Study
from glam_eval.statistics.simulation.success import means_and_differences, rarer_tests

REPETITIONS = 200  # studies drawn for each cell of the committed table
DOUBTED = 0.93  # coverage below which a cell is drawn again
TIMES_MORE = 5  # studies, all of them others, than at first


def everywhere(_: Cell) -> bool:
    """All cells."""
    return True


def without_collapse(cell: Cell) -> bool:
    """Cells whose seeds are all of one kind."""
    return not cell.collapse


def some(cell: Cell) -> bool:
    """What takes longer: seeds that differ little and much on scenes that differ, successes from 50%."""
    differs = cell.scene_spread > 0 and cell.seed_spread in (0.5, 1.5)
    return not cell.collapse and differs and cell.success >= 0.5


def fewest(cell: Cell) -> bool:
    """What takes a second a study."""
    return some(cell) and cell.success == 0.9 and cell.scenes == 100


def one_a_number_of_seeds(cell: Cell) -> bool:
    """What depends on the number of seeds alone."""
    return some(cell) and cell.success == 0.5 and cell.seed_spread == 0.5 and cell.scenes == 100


@dataclass(frozen=True, slots=True)
class Group:
    """Statistics that are drawn together: in which cells, and in which share of the repetitions."""

    name: str
    outcomes: Callable[[Study], Iterator[Outcome]]
    asked: Callable[[Cell], bool]
    share: float = 1.0


GROUPS = (
    Group("success", means_and_differences, everywhere),
    Group("aggregates", aggregates, without_collapse),
    Group("goals", goals, without_collapse),
    Group("learning", learning, some),
    Group("gains", gains, some),
    Group("rarer tests", rarer_tests, some, 0.4),
    Group("pretrainings", pretrainings, some),
    Group("log odds", log_odds, fewest, 0.25),
    Group("calibration", calibration, one_a_number_of_seeds),
)


def grid() -> list[Cell]:
    """Return the cells of the committed table."""
    seeds, rates = (3, 5, 10, 20), (0.02, 0.1, 0.5, 0.9, 0.97, 0.99)
    spreads = product((0.0, 0.5, 1.0, 1.5), (0.0, 1.0), seeds)
    cells = [Cell(rate, *spread) for spread in spreads for rate in rates]
    fallen = [
        Cell(rate, 0.5, 1.0, count, 100, collapse)
        for rate, count, collapse in product((0.5, 0.9, 0.97), seeds, (0.1, 0.2))
    ]
    larger = [Cell(rate, spread, 1.0, 10, 500) for rate, spread in product((0.5, 0.9, 0.97), (0.5, 1.5))]
    refused = [Cell(rate, 0.5, 1.0, 2) for rate in (0.5, 0.99)]
    return [*cells, *fallen, *larger, *refused]


def simulate(
    cells: Sequence[Cell],
    repetitions: int,
    report: Callable[[str], object] = str,
    groups: Sequence[Group] = GROUPS,
) -> pd.DataFrame:
    """Return one row per cell and statistic: ``offered`` and ``share`` of the repetitions, and ``width``.

    ``kind`` says what ``share`` counts: "covers" the truths inside an interval, "claims" the tests that were
    significant at 5% although nothing differed (or although the difference was the margin), both among those
    offered. ``width`` is the mean of intervals. What takes long is drawn less often (``repetitions``).

    Of thousands of cells that cover 95% some look like 92 by chance. So a cell of 3 seeds or more, of which
    none collapses, where some interval covers less than 93%, is drawn again, five times as often and with
    none of the first studies: its rows are those of the second time alone. ``report`` hears each cell as it
    begins.
    """
    rows: list[dict[str, object]] = []
    for cell in cells:
        report(str(cell))
        for group in (group for group in groups if group.asked(cell)):
            rows += _settled(cell, group, max(1, round(group.share * repetitions)))
    return pd.DataFrame(rows)


def _settled(cell: Cell, group: Group, repetitions: int) -> list[dict[str, object]]:
    """Return the rows of a group's statistics in one cell, drawn again where an interval seems too narrow."""
    drawn = ("statistics", "simulation", group.name, repr(cell))
    rows = list(_counted(cell, group, repetitions, stream(0, *drawn)))
    table = pd.DataFrame(rows)
    shares = table.loc[table["kind"] == "covers", "share"]
    if cell.collapse or cell.seeds < FEWEST_SEEDS or not (shares < DOUBTED).any():
        return rows
    return list(_counted(cell, group, TIMES_MORE * repetitions, stream(0, *drawn, "again")))


def _counted(
    cell: Cell, group: Group, repetitions: int, generator: np.random.Generator
) -> Iterator[dict[str, object]]:
    """Yield the rows of a group's statistics in one cell."""
    counts: dict[tuple[str, str], list[float]] = {}
    for _ in range(repetitions):
        for kind, statistic, right, width in group.outcomes(Study(cell, generator)):
            entry = counts.setdefault((kind, statistic), [0.0, 0.0, 0.0])
            entry[0] += right is not None
            entry[1] += bool(right)
            entry[2] += width
    for (kind, statistic), (offered, rights, widths) in counts.items():
        named = {"kind": kind, "statistic": statistic, "repetitions": repetitions}
        measured = {"offered": offered / repetitions, "share": rights / offered if offered else np.nan}
        measured["width"] = widths / offered if offered and kind == "covers" else np.nan
        yield {**asdict(cell), **named, **measured}
