"""Aggregates over conditions that one seed plays, profiles of their scores, probability of improvement."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from glam_eval.core.seeds import stream
from glam_eval.statistics.aggregates import estimate_profile
from glam_eval.statistics.inference.functionals import estimate_aggregate, estimate_improvement
from glam_eval.statistics.inference.metrics import FloatArray, Metric, interquartile_mean, mean, median
from glam_eval.statistics.simulation.studies import STUDIES, Cell, Outcome, Study, covers, told_from

TASKS = 5  # conditions of an aggregate: the seed's skill is the same on all of them
AGGREGATES: dict[str, Metric] = {"mean": mean, "IQM": interquartile_mean, "median": median}
PROFILE = "performance profile"


def aggregates(study: Study) -> Iterator[Outcome]:
    """Yield the aggregates of one agent, its profile at the mean, and how it compares with its like."""
    a, b = _conditions(study), _conditions(study)
    truths = _truths(study.cell)
    for name, metric in AGGREGATES.items():
        yield covers(f"aggregate {name}", estimate_aggregate(a, metric).interval(), truths[name])
    (profile,) = estimate_profile(a, [study.cell.success])
    yield covers(PROFILE, profile.interval(), truths[PROFILE])
    chance = estimate_improvement(a.mean(axis=1), b.mean(axis=1)).interval()
    yield covers("probability of improvement", chance, 0.5)
    yield told_from("probability of improvement", chance, 0.5)


def _conditions(study: Study) -> FloatArray:
    """Return a new agent's values (seeds, scenes, conditions)."""
    team = study.team()
    return np.stack([study.play(team, study.cell.success) for _ in range(TASKS)], axis=2)


@cache
def _truths(cell: Cell) -> dict[str, float]:
    """Return the means over studies of the aggregates, which is what their intervals are for."""
    generator = stream(0, "statistics", "simulation", "aggregates' truths")
    found: dict[str, list[float]] = {name: [] for name in [*AGGREGATES, PROFILE]}
    for _ in range(STUDIES):
        scores = _conditions(Study(cell, generator)).mean(axis=1)
        for name, metric in AGGREGATES.items():
            found[name].append(float(metric(scores)))
        found[PROFILE].append(float((scores > cell.success).mean()))
    return {name: float(np.mean(values)) for name, values in found.items()} | {"mean": cell.success}
