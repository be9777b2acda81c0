"""Agents over all conditions at once: aggregates, performance profiles, probability of improvement.

After Agarwal et al. 2021 (arXiv 2108.13264). A score is a seed's success on a task, here a shift; runs are
redrawn within tasks. Intervals are the expanded percentile ones, because plain percentiles are too narrow for
the few seeds that are usual (see ``bootstrap_interval``).
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from glam_eval.statistics.cells import final_checkpoints, tabulate
from glam_eval.statistics.inference.bootstrap import (
    IntervalMethod,
    bootstrap_interval,
    improvement_bootstrap,
    jackknife_runs,
    stratified_bootstrap,
)
from glam_eval.statistics.inference.metrics import (
    METRICS,
    FloatArray,
    exceedances,
    mean,
    performance_profile,
    probability_of_improvement,
)

Who = tuple[str, str]
TASKS = ("protocol", "shift")
REPETITIONS = 10_000
THRESHOLDS = np.linspace(0, 1, 101)


def scores(episodes: pd.DataFrame, tasks: Sequence[str] = TASKS) -> dict[Who, FloatArray]:
    """Return every agent's (seeds, tasks) success rates at its last checkpoint, by (agent, model).

    All agents have the same tasks in the same order; NaN where a seed was not played on a task.
    """
    cells = tabulate(final_checkpoints(episodes), ["agent", "model", *tasks])
    conditions, means = cells.conditions, cells.seed_means()
    names = list(dict.fromkeys(conditions[list(tasks)].itertuples(index=False, name=None)))
    table: dict[Who, FloatArray] = {}
    for row, (agent, model, *task) in enumerate(conditions.itertuples(index=False, name=None)):
        array = table.setdefault((str(agent), str(model)), np.full((means.shape[1], len(names)), np.nan))
        array[:, names.index(tuple(task))] = means[row]
    return {who: array[~np.isnan(array).all(axis=1)] for who, array in table.items()}


def aggregates(
    episodes: pd.DataFrame,
    generator: np.random.Generator,
    *,
    tasks: Sequence[str] = TASKS,
    repetitions: int = REPETITIONS,
    method: IntervalMethod = "expanded",
) -> pd.DataFrame:
    """Return IQM, mean, median and optimality gap of each agent over its seeds and the tasks.

    Columns: metric, agent, model, mean (the estimate), low, high, n_seeds, n_tasks. An agent that some seed
    did not play on some task has NaN: its aggregate would not compare with the others'.
    """
    rows = []
    for (agent, model), array in scores(episodes, tasks).items():
        seeds, count = array.shape
        estimates = [float(metric(array)) for metric in METRICS.values()]
        draws = stratified_bootstrap(array, list(METRICS.values()), repetitions, generator)
        for (name, metric), estimate, distribution in zip(METRICS.items(), estimates, draws, strict=True):
            jackknife = jackknife_runs(array, metric) if method == "bca" and seeds > 1 else None
            low, high = _interval(distribution, method, seeds, estimate, jackknife)
            rows.append((name, agent, model, estimate, float(low), float(high), seeds, count))
    columns = ["metric", "agent", "model", "mean", "low", "high", "n_seeds", "n_tasks"]
    order = {name: position for position, name in enumerate(METRICS)}
    return pd.DataFrame(rows, columns=columns).sort_values(
        "metric", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )


def performance_profiles(
    episodes: pd.DataFrame,
    generator: np.random.Generator,
    *,
    tasks: Sequence[str] = TASKS,
    thresholds: ArrayLike = THRESHOLDS,
    repetitions: int = 2_000,
) -> pd.DataFrame:
    """Return the share of (seed, task) scores above each threshold, per agent.

    Columns: agent, model, threshold, mean, low, high, n_seeds. All NaN where a seed lacks a task.
    """
    levels: NDArray[np.float64] = np.asarray(thresholds, dtype=np.float64)
    parts = []
    for (agent, model), array in scores(episodes, tasks).items():
        seeds = len(array)
        profile = performance_profile(array, levels)
        (draws,) = stratified_bootstrap(exceedances(array, levels), [mean], repetitions, generator)
        low, high = _interval(draws, "expanded", seeds)
        if np.isnan(array).any():
            profile = low = high = np.full(levels.shape, np.nan)
        measured = {"threshold": levels, "mean": profile, "low": low, "high": high, "n_seeds": seeds}
        parts.append(pd.DataFrame({"agent": agent, "model": model, **measured}))
    return pd.concat(parts, ignore_index=True)


def improvement_probabilities(
    episodes: pd.DataFrame,
    generator: np.random.Generator,
    *,
    tasks: Sequence[str] = TASKS,
    repetitions: int = 2_000,
) -> pd.DataFrame:
    """Return for every two agents the probability that a seed of the first beats one of the second on a task.

    Columns: agent, model, agent_b, model_b, mean, low, high, n_seeds (the smaller). NaN where one of the two
    was not played on every task.
    """
    rows = []
    for (first, a), (second, b) in combinations(scores(episodes, tasks).items(), 2):
        seeds = min(len(a), len(b))
        value, low, high = np.nan, np.nan, np.nan
        if not (np.isnan(a).any() or np.isnan(b).any()):
            value = probability_of_improvement(a, b)
            draws = improvement_bootstrap(a, b, repetitions, generator)
            low, high = (float(end) for end in _interval(draws, "expanded", seeds))
        rows.append((*first, *second, value, low, high, seeds))
    return pd.DataFrame(
        rows, columns=["agent", "model", "agent_b", "model_b", "mean", "low", "high", "n_seeds"]
    )


def _interval(
    distribution: FloatArray,
    method: IntervalMethod,
    seeds: int,
    estimate: float = np.nan,
    jackknife: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    if seeds < 2:
        nothing = np.full(distribution.shape[1:], np.nan)
        return nothing, nothing
    return bootstrap_interval(distribution, method, runs=seeds, estimate=estimate, jackknife=jackknife)
