"""A score between two references, 0 at the floor and 1 at the ceiling, with the uncertainty of all three.

The score is a ratio of differences, so its interval is Fieller's (1954): all r for which
agent - (1 - r) floor - r ceiling is not told from 0, where seeds are independent and scenes shared. It is
joined with the agent's own interval, rescaled: that one knows of skewness near 0 and 1, of collapsed seeds
and of rates that never vary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.optimize import brentq

from glam_eval.statistics.inference.estimates import ENOUGH_SEEDS, FEWEST_SEEDS
from glam_eval.statistics.inference.intervals import (
    NOTHING,
    Part,
    combine,
    decompose,
    estimate_mean,
    variance_of_mean,
)
from glam_eval.statistics.inference.metrics import FloatArray

FURTHEST = 64.0  # from the score: an end beyond is none


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its 95% interval; where that is NaN, ``note`` says why it is not offered."""

    value: float
    low: float
    high: float
    note: str = ""


NO_SCORE = Score(np.nan, np.nan, np.nan)
TOO_CLOSE = "not offered: the bot is not surely above chance"
TOO_FEW = f"not offered: the bot fails at times, and that needs {ENOUGH_SEEDS} seeds"


def score_between(agent: FloatArray, floor: FloatArray, ceiling: FloatArray, level: float = 0.95) -> Score:
    """Return the score of an agent's values (seeds, scenes) between those of two references.

    All three on the same scenes, else as seeds' means (one column). There is no score where the ceiling is
    not above the floor, and no interval where that is not sure, or of fewer than 3 seeds of the agent. Where
    the ceiling fails at times there is none of fewer than 5 seeds either: it is sure just when these happen
    to agree, and then covered 88%.
    """
    means = [float(np.nanmean(values)) for values in (agent, floor, ceiling)]
    span = means[2] - means[1]
    if not span > 0:
        return NO_SCORE
    value = (means[0] - means[1]) / span
    own = estimate_mean(agent, "proportion").interval(level)
    if not np.isfinite(own[0]):
        note = f"not offered: {len(agent)} seed{'s' * (len(agent) > 1)}, and intervals need {FEWEST_SEEDS}"
        return Score(value, np.nan, np.nan, note)
    if _excess(ceiling, floor, ceiling, level)(0.0) <= 0:  # the references themselves are not told apart
        return Score(value, np.nan, np.nan, TOO_CLOSE)
    if means[2] < 1 and min(len(values) for values in (agent, floor) if len(values) > 1) < ENOUGH_SEEDS:
        return Score(value, np.nan, np.nan, TOO_FEW)
    excess = _excess(agent, floor, ceiling, level)
    ends = [_end(excess, value, side) for side in (-1.0, 1.0)]
    low, high = ((end - means[1]) / span for end in own)
    return Score(value, min(low, ends[0]), max(high, ends[1]))


def _excess(
    agent: FloatArray, floor: FloatArray, ceiling: FloatArray, level: float
) -> Callable[[float], float]:
    """Return how far agent - (1 - r) floor - r ceiling lies beyond what chance allows, as a function of r."""
    teams = [_columns(values, agent, floor, ceiling) for values in (agent, floor, ceiling)]
    parts = [decompose(values) if len(values) > 1 else None for values in teams]
    means = [values.mean(axis=0) for values in teams]

    def excess(score: float) -> float:
        weights = (1.0, score - 1.0, -score)
        combined = np.asarray(sum(w * mean for w, mean in zip(weights, means, strict=True)))
        distance = abs(float(np.mean(combined)))
        known = [(w * w, part) for w, part in zip(weights, parts, strict=True) if part is not None]
        scenes = variance_of_mean(combined) if teams[0].shape[1] > 1 else NOTHING
        if not known:  # one seed each: they count as known
            return distance
        error, freedom = combine(
            [Part(square * part.seeds.variance, part.seeds.freedom) for square, part in known],
            [scenes],
            [Part(square * part.residual.variance, part.residual.freedom) for square, part in known],
        )
        quantile = float(special.stdtrit(freedom, (1 + level) / 2))
        return distance - quantile * error

    return excess


def _columns(values: FloatArray, *others: FloatArray) -> FloatArray:
    """Return values by scene if all were played on as many, else the seeds' means in one column."""
    shared = len({other.shape[1] for other in others}) == 1
    shared &= not any(np.isnan(other).any() for other in others)
    return values if shared else np.nanmean(values, axis=1, keepdims=True)


def _end(excess: Callable[[float], float], value: float, side: float) -> float:
    """Return the end of the interval on one side of the score: where the excess becomes positive."""
    inside, step = value, 0.01
    while step <= FURTHEST:
        outside = value + side * step
        if excess(outside) > 0:
            return float(brentq(excess, inside, outside, xtol=1e-9)) if excess(inside) < 0 else inside
        inside, step = outside, 2 * step
    return side * np.inf
