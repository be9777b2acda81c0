"""Curves along training: bands, areas, what training adds, steps until a success rate."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from glam_eval.core.seeds import stream
from glam_eval.statistics.cells import kind_of
from glam_eval.statistics.curves import AREA, END_GAIN, GAIN, curve_bands, curve_weights
from glam_eval.statistics.efficiency import first_passages, scenes_of_passages
from glam_eval.statistics.inference.intervals import estimate_difference, estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.survival import restricted_mean
from glam_eval.statistics.simulation.studies import STUDIES, Cell, Outcome, Study, claims, covers

START, REACHED = 0.1, 0.5  # success where a curve starts, and that which steps are counted to
FRAMES = np.arange(6) * 1_000
BUDGET = int(FRAMES[-1])
MEASURES = {AREA: "area under the curve", GAIN: "gain along training", END_GAIN: "gain at the end"}


def learning(study: Study) -> Iterator[Outcome]:
    """Yield what is said of one curve, and of two that are alike."""
    heights, curve, other = _heights(study.cell), _curve(study), _curve(study)
    estimates = [estimate_mean(values, "proportion") for values in curve]
    bands = curve_bands(curve.mean(axis=2), estimates, study.generator)
    inside = all(low <= truth <= high for (low, high), truth in zip(bands, heights, strict=True))
    offered = not np.isnan(bands[0][0])
    width = float(np.mean([high - low for low, high in bands])) if offered else 0.0
    yield Outcome("covers", "band of a curve", inside if offered else None, width)
    for measure, name in MEASURES.items():
        weights = _weights(measure)
        a, b = (np.tensordot(weights, values, axes=1) for values in (curve, other))
        if measure == AREA:
            yield covers(name, estimate_mean(a, "proportion").interval(), float(weights @ heights))
        apart = estimate_difference(a, b, "difference" if measure == AREA else "mean")
        yield covers(f"difference of {name}", apart.interval(), 0.0)
        yield claims(f"difference of {name}", apart.p_value())
    yield covers("area under a curve of training", _area_of_training(study), float(_weights(AREA) @ heights))
    times = FRAMES.astype(np.float64)
    besides = scenes_of_passages(curve, times, REACHED, BUDGET)
    passage = restricted_mean(*first_passages(curve.mean(axis=2), times, REACHED), BUDGET, besides=besides)
    yield covers("steps to a success rate", (passage.low, passage.high), _steps(study.cell))


def gains(study: Study) -> Iterator[Outcome]:
    """Yield what training adds to the start of one curve."""
    heights, curve = _heights(study.cell), _curve(study)
    for measure in (GAIN, END_GAIN):
        weights = _weights(measure)
        gained = np.tensordot(weights, curve, axes=1)
        estimate = estimate_mean(gained, kind_of(measure), (gained + curve[0], curve[0]))
        yield covers(MEASURES[measure], estimate.interval(), float(weights @ heights))


def _heights(cell: Cell) -> FloatArray:
    """Return the true mean success at every point of a curve."""
    return np.linspace(START, cell.success, len(FRAMES))


def _curve(study: Study) -> FloatArray:
    """Return a new agent's values (points, seeds, scenes): at each point every seed strays on its own."""
    team = study.team()
    return np.stack([study.play(team, float(height), moved=True) for height in _heights(study.cell)])


def _area_of_training(study: Study) -> tuple[float, float]:
    """Return the interval of an area of training's own episodes: every seed has scenes of its own."""
    team, points = study.team(), []
    for height in _heights(study.cell):
        scenes = np.stack([study.other_scenes() for _ in range(study.cell.seeds)])
        points.append(study.play(team, float(height), moved=True, scenes=scenes).mean(axis=1))
    areas = np.tensordot(_weights(AREA), np.stack(points), axes=1)
    return estimate_mean(areas[:, None], "proportion").interval()


def _weights(measure: str) -> FloatArray:
    weights = curve_weights(measure, FRAMES, BUDGET)
    if weights is None:
        raise ValueError(f"no curve ends at {BUDGET}")
    return weights


@cache
def _steps(cell: Cell) -> float:
    """Return the mean over studies of the steps to the success rate, those who never reach it with all."""
    generator, values = stream(0, "statistics", "simulation", "steps' truth"), []
    for _ in range(STUDIES):
        means = _curve(Study(cell, generator)).mean(axis=2)
        times, reached = first_passages(means, FRAMES.astype(np.float64), REACHED)
        values.append(np.where(reached > 0, times, BUDGET).mean())
    return float(np.mean(values))
