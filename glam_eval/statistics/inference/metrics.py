"""Aggregates of scores over runs and tasks (Agarwal et al. 2021, arXiv 2108.13264), vectorised over batches.

Every metric takes scores of shape (..., runs, tasks) and returns an array of shape (...). NaN in, NaN out.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Metric = Callable[[FloatArray], FloatArray]


def mean(scores: FloatArray) -> FloatArray:
    """Return the mean over runs and tasks."""
    return np.asarray(scores.mean(axis=(-2, -1)))


def median(scores: FloatArray) -> FloatArray:
    """Return the median over tasks of each task's mean over runs."""
    return np.asarray(np.median(scores.mean(axis=-2), axis=-1))


def interquartile_mean(scores: FloatArray) -> FloatArray:
    """Return the mean of the middle half of all run-task scores (IQM), a quarter cut at each end."""
    flat = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    cut = flat.shape[-1] // 4
    middle = flat[..., cut : flat.shape[-1] - cut].mean(axis=-1)
    return np.where(np.isnan(flat[..., -1]), np.nan, middle)  # NaN sorts last and would be cut off


def optimality_gap(scores: FloatArray, goal: float = 1.0) -> FloatArray:
    """Return by how much scores, capped at the goal, fall short of it on average."""
    return goal - mean(np.minimum(scores, goal))


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Return the share of run-task scores above each threshold: (runs, tasks), (n,) -> (n,)."""
    return mean(exceedances(scores, thresholds))


def exceedances(scores: ArrayLike, thresholds: ArrayLike) -> FloatArray:
    """Return 1 where a score exceeds a threshold, else 0: (runs, tasks), (n,) -> (n, runs, tasks)."""
    levels = np.asarray(thresholds, dtype=np.float64)[:, None, None]
    return (np.asarray(scores, dtype=np.float64) > levels).astype(np.float64)


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """Return the probability that a random run of ``a`` beats one of ``b`` on a random task; ties count half.

    Shapes (runs of a, tasks) and (runs of b, tasks). It is the Mann-Whitney U over the number of pairs,
    averaged over tasks; for one task it is Vargha and Delaney's effect size A.
    """
    return float(wins(a, b).mean())


def wins(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Return (tasks, runs of a, runs of b): 1 where a's run scores higher on the task, 0.5 where equal."""
    first = np.asarray(a, dtype=np.float64).T[:, :, None]
    second = np.asarray(b, dtype=np.float64).T[:, None, :]
    return np.asarray((first > second) + 0.5 * (first == second))


METRICS: dict[str, Metric] = {
    "IQM": interquartile_mean,
    "mean": mean,
    "median": median,
    "optimality gap": optimality_gap,
}
