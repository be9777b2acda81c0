"""Agents over all conditions at once: aggregates, performance profiles, probability of improvement.

After Agarwal et al. 2021 (arXiv 2108.13264), but for what is redrawn. A score is a seed's success on a task,
here a shift; one trained agent plays all of them, so seeds are taken whole (see ``inference.functionals``).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from glam_eval.statistics.cells import final_checkpoints, tabulate
from glam_eval.statistics.inference.bootstrap import (
    IntervalMethod,
    bootstrap_interval,
    bootstrap_runs,
    jackknife_runs,
    redrawn_scenes,
)
from glam_eval.statistics.inference.estimates import FEWEST_SEEDS, Estimate
from glam_eval.statistics.inference.functionals import estimate_aggregate, estimate_improvement
from glam_eval.statistics.inference.intervals import Part, combine, estimate_mean
from glam_eval.statistics.inference.metrics import METRICS, FloatArray, Metric, exceedances

Who = tuple[str, str]
TASKS = ("protocol", "shift")
REPETITIONS = 10_000
THRESHOLDS = np.linspace(0, 1, 101)


def task_values(episodes: pd.DataFrame, tasks: Sequence[str] = TASKS) -> dict[Who, FloatArray]:
    """Return every agent's success (seeds, scenes, tasks) at its last checkpoint, by (agent, model).

    All agents have the same tasks in the same order; NaN where a seed was not played on a task. Tasks that
    don't share their scenes leave one, the seed's mean.
    """
    cells = tabulate(final_checkpoints(episodes), ["agent", "model", *tasks])
    conditions, values = cells.conditions, cells.values
    if np.isnan(values[(cells.counts > 0)]).any():
        values = cells.seed_means()[:, :, None]
    names = list(dict.fromkeys(conditions[list(tasks)].itertuples(index=False, name=None)))
    table: dict[Who, FloatArray] = {}
    for row, (agent, model, *task) in enumerate(conditions.itertuples(index=False, name=None)):
        array = table.setdefault((str(agent), str(model)), np.full((*values.shape[1:], len(names)), np.nan))
        array[..., names.index(tuple(task))] = values[row]
    return {who: array[~np.isnan(array).all(axis=(1, 2))] for who, array in table.items()}


def aggregates(
    episodes: pd.DataFrame,
    generator: np.random.Generator,
    *,
    tasks: Sequence[str] = TASKS,
    repetitions: int = REPETITIONS,
    method: Literal["jackknife"] | IntervalMethod = "jackknife",
) -> pd.DataFrame:
    """Return IQM, mean, median and optimality gap of each agent over its seeds and the tasks.

    Columns: metric, agent, model, mean (the estimate), low, high, n_seeds, n_tasks. An agent that some seed
    did not play on some task has NaN: its aggregate would not compare with the others'. The other methods are
    bootstraps of whole seeds; they cover less with few seeds.
    """
    rows = []
    for (agent, model), values in task_values(episodes, tasks).items():
        for name, metric in METRICS.items():
            estimate = estimate_aggregate(values, metric)
            ends = estimate.interval()
            if method != "jackknife":
                ends = _redrawn(values.mean(axis=1), metric, estimate, method, repetitions, generator)
            rows.append((name, agent, model, estimate.value, *ends, values.shape[0], values.shape[2]))
    columns = ["metric", "agent", "model", "mean", "low", "high", "n_seeds", "n_tasks"]
    order = {name: position for position, name in enumerate(METRICS)}
    return pd.DataFrame(rows, columns=columns).sort_values(
        "metric", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )


def performance_profiles(
    episodes: pd.DataFrame, *, tasks: Sequence[str] = TASKS, thresholds: ArrayLike = THRESHOLDS
) -> pd.DataFrame:
    """Return the share of (seed, task) scores above each threshold, per agent.

    Columns: agent, model, threshold, mean, low, high, n_seeds. All NaN where a seed lacks a task. The
    interval is that of a mean over seeds of each seed's share on shared scenes; there is none where no
    seed's differs.
    """
    levels: NDArray[np.float64] = np.asarray(thresholds, dtype=np.float64)
    rows = []
    for (agent, model), values in task_values(episodes, tasks).items():
        for level, estimate in zip(levels, estimate_profile(values, levels), strict=True):
            rows.append((agent, model, level, estimate.value, *estimate.interval(), len(values)))
    return pd.DataFrame(rows, columns=["agent", "model", "threshold", "mean", "low", "high", "n_seeds"])


def estimate_profile(values: FloatArray, thresholds: ArrayLike) -> list[Estimate]:
    """Return for each threshold the share of scores above it: values (seeds, scenes, tasks), seeds whole.

    All seeds share the scenes, whose part is had by redrawing them: with seeds alone, the share is covered 73
    times in 100 where seeds don't differ. Redrawing also sets seeds apart by their own draws once more, so
    that fewer of them lie where a threshold moves: what they tell of scenes grows by how much further apart
    they are. NaN where a seed lacks a task; no error where no seed's share differs.
    """
    scores, levels = values.mean(axis=1), np.asarray(thresholds, dtype=np.float64)
    shares, scenes = exceedances(scores, levels).mean(axis=2), values.shape[1]
    redrawn = redrawn_scenes(np.moveaxis(values, 1, -1)) if scenes > 1 else scores[..., None]
    apart = float(scores.var(axis=0).mean())
    blurred = max(1.0, float(redrawn.var(axis=0).mean()) / apart) if apart > 0 else 1.0
    estimates = []
    for level, of_seeds in zip(levels, shares, strict=True):
        estimate = estimate_mean(of_seeds[:, None], "proportion")
        if np.isnan(scores).any():
            estimate = replace(estimate, value=np.nan, error=np.nan)
        elif estimate.exact:
            estimate = replace(estimate, error=np.nan)
        elif scenes > 1 and estimate.offered:
            of_scenes = blurred * float((redrawn > level).mean(axis=(0, 1)).var(ddof=1))
            parts = [Part(estimate.of_seeds, len(of_seeds) - 1)], [Part(of_scenes, scenes - 1)]
            error, freedom = combine(*parts, [])
            estimate = replace(estimate, error=error, freedom=freedom)
        estimates.append(estimate)
    return estimates


def improvement_probabilities(episodes: pd.DataFrame, *, tasks: Sequence[str] = TASKS) -> pd.DataFrame:
    """Return for every two agents the probability that a seed of the first beats one of the second on a task.

    Columns: agent, model, agent_b, model_b, mean, low, high, n_seeds (the smaller). NaN where one of the two
    was not played on every task.
    """
    rows = []
    arrays = {who: values.mean(axis=1) for who, values in task_values(episodes, tasks).items()}
    for (first, a), (second, b) in combinations(arrays.items(), 2):
        seeds = min(len(a), len(b))
        measured: tuple[float, ...] = (np.nan, np.nan, np.nan)
        if not (np.isnan(a).any() or np.isnan(b).any()):
            estimate = estimate_improvement(a, b)
            measured = (estimate.value, *estimate.interval())
        rows.append((*first, *second, *measured, seeds))
    return pd.DataFrame(
        rows, columns=["agent", "model", "agent_b", "model_b", "mean", "low", "high", "n_seeds"]
    )


def _redrawn(
    scores: FloatArray,
    metric: Metric,
    estimate: Estimate,
    method: IntervalMethod,
    repetitions: int,
    generator: np.random.Generator,
) -> tuple[float, float]:
    """Return the bootstrap interval of scores (seeds, tasks), seeds whole."""
    if len(scores) < FEWEST_SEEDS:
        return np.nan, np.nan
    (draws,) = bootstrap_runs(scores, [metric], repetitions, generator)
    jackknife = jackknife_runs(scores, metric) if method == "bca" else None
    low, high = bootstrap_interval(
        draws, method, runs=len(scores), estimate=estimate.value, jackknife=jackknife
    )
    return float(low), float(high)
