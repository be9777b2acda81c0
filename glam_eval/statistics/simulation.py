"""How often our intervals cover and our tests claim too much, in studies whose truth is known.

A study is drawn as seeds and scenes with normal logits, so that success has a given mean; a shift gives
every seed a deviation of its own, half as large; a seed collapses to 5% with a given probability.
``simulate`` counts, for every statistic that the product prints, how often it is offered, covers the truth,
or is wrong.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from glam_eval.core.seeds import stream
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.inference.estimates import Estimate
from glam_eval.statistics.inference.functionals import estimate_aggregate, estimate_improvement
from glam_eval.statistics.inference.intervals import estimate_difference, estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray, interquartile_mean, mean
from glam_eval.statistics.inference.small_samples import sure_interval

COLLAPSED = 0.05  # success of a seed that collapsed
TASKS = 5  # conditions of an aggregate: the seed's skill is the same on all of them
STUDIES = 1_000  # whose mean IQM is taken for the true one
ALPHA = 0.05
BoolArray = NDArray[np.bool_]
Counts = dict[tuple[str, str], list[float]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of study: mean success, spreads in logits, seeds, scenes, a seed's probability of collapse."""

    success: float
    seed_spread: float
    scene_spread: float
    seeds: int
    scenes: int = 100
    collapse: float = 0.0


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


def simulate(cells: Sequence[Cell], repetitions: int, report: Callable[[str], object] = str) -> pd.DataFrame:
    """Return one row per cell and statistic: ``offered`` and ``share`` of the repetitions, and ``width``.

    ``kind`` says what ``share`` counts: "covers" the truths inside an interval, "claims" the tests that were
    significant at 5% although nothing differed (or although the difference was the margin), both among those
    offered. ``width`` is the mean of intervals. ``report`` hears each cell as it begins.
    """
    rows = []
    for cell in cells:
        report(str(cell))
        counts: Counts = {}
        generator = stream(0, "statistics", "simulation", repr(cell))
        for _ in range(repetitions):
            for kind, statistic, outcome, width in _outcomes(cell, generator):
                entry = counts.setdefault((kind, statistic), [0.0, 0.0, 0.0])
                entry[0] += outcome is not None
                entry[1] += bool(outcome)
                entry[2] += width
        for (kind, statistic), (offered, right, width) in counts.items():
            measured = {"offered": offered / repetitions, "share": right / offered if offered else np.nan}
            measured["width"] = width / offered if offered and kind == "covers" else np.nan
            named = {"kind": kind, "statistic": statistic, "repetitions": repetitions}
            rows.append({**asdict(cell), **named, **measured})
    return pd.DataFrame(rows)


def _outcomes(cell: Cell, generator: np.random.Generator) -> Iterator[tuple[str, str, bool | None, float]]:
    """Yield kind, statistic, whether it covered or claimed (None: not offered) and width, of one study."""
    rates = _rates(cell, cell.success)
    difficulty = cell.scene_spread * generator.normal(size=cell.scenes)
    skill, fallen = _seeds(cell, generator)
    deviation = cell.seed_spread / 2 * generator.normal(size=cell.seeds)
    first = _play(rates(0.0, skill, difficulty), fallen, generator)
    alone = estimate_mean(first, "proportion")
    overall = cell.success * (1 - cell.collapse) + COLLAPSED * cell.collapse
    yield _covers("mean", alone.interval(), overall)
    if cell.collapse:
        seen = alone.n_collapsed > 0
        whole = alone.interval() if not seen else (np.nan, np.nan)
        yield _covers("mean of seeds that learn, where none collapsed", whole, cell.success)
        yield _covers("mean, for any distribution", sure_interval(first.mean(axis=1)), overall)
    shifted = _play(rates(deviation, skill, difficulty), fallen, generator)
    yield from _difference("paired", estimate_mean(shifted - first, "difference", (shifted, first)), 0.0)
    other = _play(rates(0.0, *_swap(cell, generator, difficulty)), _seeds(cell, generator)[1], generator)
    yield from _difference("independent", estimate_difference(other, first), 0.0)
    if not cell.collapse:
        yield from _at_the_margin(cell, first, skill, difficulty, deviation, generator)
        yield from _aggregates(cell, generator)


def _at_the_margin(
    cell: Cell,
    first: FloatArray,
    skill: FloatArray,
    difficulty: FloatArray,
    deviation: FloatArray,
    generator: np.random.Generator,
) -> Iterator[tuple[str, str, bool | None, float]]:
    """Yield how often a true difference of the margin is called equivalent."""
    lower = cell.success - MARGIN
    moved = lower if lower > 0.005 else cell.success + MARGIN
    rates, nobody = _rates(cell, moved), np.zeros(cell.seeds, dtype=bool)
    there = _play(rates(deviation, skill, difficulty), nobody, generator)
    paired = estimate_mean(there - first, "difference", (there, first))
    apart = _play(rates(0.0, *_swap(cell, generator, difficulty)), nobody, generator)
    for name, estimate in (("paired", paired), ("independent", estimate_difference(apart, first))):
        yield _claims(f"{name} equivalence", estimate.p_equivalence(MARGIN))
        if moved < cell.success:
            yield _claims(f"{name} no worse", estimate.p_not_worse(MARGIN))


def _aggregates(cell: Cell, generator: np.random.Generator) -> Iterator[tuple[str, str, bool | None, float]]:
    """Yield the aggregates over conditions that one seed plays, and the probability of improvement."""
    pair, difficulty = [], cell.scene_spread * generator.normal(size=cell.scenes)
    for _ in range(2):
        skill, _ = _seeds(cell, generator)
        chances = _rates(cell, cell.success)(0.0, skill, difficulty)
        pair.append(np.stack([generator.random(chances.shape) < chances for _ in range(TASKS)], axis=2) * 1.0)
    a, b = pair
    yield _covers("aggregate mean", estimate_aggregate(a, mean).interval(), cell.success)
    yield _covers("aggregate IQM", estimate_aggregate(a, interquartile_mean).interval(), _middle(cell))
    chance = estimate_improvement(a.mean(axis=1), b.mean(axis=1)).interval()
    yield _covers("probability of improvement", chance, 0.5)


def _difference(name: str, estimate: Estimate, truth: float) -> Iterator[tuple[str, str, bool | None, float]]:
    yield _covers(f"{name} difference", estimate.interval(), truth)
    yield _claims(f"{name} difference", estimate.p_value() if not estimate.n_collapsed else np.nan)


def _covers(name: str, ends: tuple[float, float], truth: float) -> tuple[str, str, bool | None, float]:
    low, high = ends
    if np.isnan(low):
        return "covers", name, None, 0.0
    return "covers", name, bool(low <= truth <= high), high - low


def _claims(name: str, p_value: float) -> tuple[str, str, bool | None, float]:
    return "claims", name, None if np.isnan(p_value) else bool(p_value < ALPHA), 0.0


def _seeds(cell: Cell, generator: np.random.Generator) -> tuple[FloatArray, BoolArray]:
    """Return each seed's skill in logits, and whether it collapsed."""
    skill = np.asarray(cell.seed_spread * generator.normal(size=cell.seeds))
    return skill, generator.random(cell.seeds) < cell.collapse


def _swap(
    cell: Cell, generator: np.random.Generator, difficulty: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return other seeds on the same scenes."""
    return _seeds(cell, generator)[0], difficulty


def _rates(cell: Cell, success: float) -> Callable[..., FloatArray]:
    """Return what gives every seed's success on every scene (seeds, scenes), with the mean ``success``."""

    def rates(deviation: FloatArray | float, skill: FloatArray, difficulty: FloatArray) -> FloatArray:
        own = cell.seed_spread / 2 if np.ndim(deviation) else 0.0
        center = _center(success, float(np.sqrt(cell.seed_spread**2 + cell.scene_spread**2 + own**2)))
        return np.asarray(special.expit(center + (skill + deviation)[:, None] + difficulty))

    return rates


def _play(rates: FloatArray, fallen: BoolArray, generator: np.random.Generator) -> FloatArray:
    chances = np.where(fallen[:, None], COLLAPSED, rates)
    return np.asarray((generator.random(rates.shape) < chances) * 1.0)


@cache
def _center(success: float, spread: float) -> float:
    """Return the logit around which normal logits have the mean success."""
    quantiles = spread * stats.norm.ppf((np.arange(2_000) + 0.5) / 2_000)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if special.expit(middle + quantiles).mean() < success else (low, middle)
    return low


@cache
def _middle(cell: Cell) -> float:
    """Return the mean over studies of an aggregate's IQM, which is what its interval is for."""
    generator, values = stream(0, "statistics", "simulation", "IQM"), []
    for _ in range(STUDIES):
        skill, _ = _seeds(cell, generator)
        difficulty = cell.scene_spread * generator.normal(size=cell.scenes)
        chances = _rates(cell, cell.success)(0.0, skill, difficulty)
        scores = generator.binomial(1, chances[..., None], (*chances.shape, TASKS)).mean(axis=1)
        values.append(interquartile_mean(scores))
    return float(np.mean(values))
