"""Sample efficiency: area under the learning curve, and frames until a success rate is reached."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glam_eval.statistics.cells import kind_of
from glam_eval.statistics.curves import END_GAIN, GAIN, ROUNDING, WHO, areas, tabulate_curves
from glam_eval.statistics.inference.bootstrap import redrawn_scenes
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.survival import restricted_mean


def sample_efficiency(
    table: pd.DataFrame,
    *,
    by: Sequence[str] = WHO,
    thresholds: Sequence[float] = (0.5, 0.8),
    budget: int | None = None,
) -> pd.DataFrame:
    """Return one row per condition and threshold, from episodes (see ``curve_episodes``) or training updates.

    Columns: ``by``, budget, area, area_low, area_high (mean success up to the budget), threshold, frames,
    frames_low, frames_high (restricted mean of the frames until a seed's success reaches the threshold: one
    that does not within the budget counts with the budget), frames_median (Kaplan-Meier; infinite where
    fewer than half reach it), n_reached, n_seeds. ``budget`` defaults to where the shortest curve ends.
    """
    cells, budget = areas(table, by, budget)
    curves = tabulate_curves(table, by)
    groups = curves.conditions.groupby(list(by), sort=False).groups
    means, frames = curves.seed_means(), curves.conditions["frames"].to_numpy(dtype=np.float64)
    rows = []
    for row, index in enumerate(groups.values()):
        condition, points = tuple(cells.conditions.iloc[row]), np.asarray(index)
        played = ~np.isnan(cells.values[row]).all(axis=1)
        area = (np.nan, np.nan, np.nan)
        if played.any():
            estimate = estimate_mean(cells.matrix(row), "proportion")
            area = (estimate.value, *estimate.interval())
        for threshold in thresholds:
            times, reached = first_passages(means[points], frames[points], threshold)
            of_scenes = scenes_of_passages(curves.values[points], frames[points], threshold, budget)
            passage = restricted_mean(times, reached, budget, besides=of_scenes)
            waiting = (passage.mean, passage.low, passage.high, passage.median, passage.n_reached)
            rows.append((*condition, budget, *area, threshold, *waiting, len(times)))
    waiting_names = ["frames", "frames_low", "frames_high", "frames_median", "n_reached", "n_seeds"]
    columns = [*by, "budget", "area", "area_low", "area_high", "threshold", *waiting_names]
    return pd.DataFrame(rows, columns=columns)


def learning_gains(
    table: pd.DataFrame, *, by: Sequence[str] = WHO, budget: int | None = None
) -> pd.DataFrame:
    """Return what training adds to the start of every curve, from episodes or training updates.

    Columns: ``by``, measure (gain_along_training: the area less the first point; gain_at_end: the height at
    the budget less the first point), mean, low, high, n_seeds. Who was evaluated once has no gain, no row.
    """
    rows = []
    for measure in (GAIN, END_GAIN):
        cells, _ = areas(table, by, budget, measure)
        for row, condition in enumerate(cells.conditions.itertuples(index=False)):
            if not np.isnan(cells.values[row]).all():
                estimate = estimate_mean(cells.matrix(row), kind_of(measure), cells.parts(row))
                rows.append((*condition, measure, estimate.value, *estimate.interval(), estimate.n_seeds))
    return pd.DataFrame(rows, columns=[*by, "measure", "mean", "low", "high", "n_seeds"])


def scenes_of_passages(values: FloatArray, frames: FloatArray, threshold: float, budget: float) -> float:
    """Return the variance that another list of scenes gives the mean of the seeds' first passages.

    ``values`` is (points, seeds, scenes), of which scenes are redrawn with replacement, for all seeds alike;
    0 for one column. Without it the mean of 20 seeds is covered 85 times in 100.
    """
    if values.shape[-1] < 2 or np.isnan(values).any():
        return 0.0
    passed = redrawn_scenes(values) >= threshold - ROUNDING
    times = np.where(passed.any(axis=0), frames[passed.argmax(axis=0)], budget)
    return float(np.minimum(times, budget).mean(axis=0).var(ddof=1))


def first_passages(means: FloatArray, frames: FloatArray, threshold: float) -> tuple[FloatArray, FloatArray]:
    """Return each seed's first frames at which its curve is at least the threshold, and whether it ever is.

    ``means`` is (points, seeds), NaN where a seed was not evaluated; seeds without any point are left out. A
    seed that never gets there is censored at its last point. Evaluation points are not interpolated.
    """
    times, reached = [], []
    for curve in means.T:
        present = ~np.isnan(curve)
        if present.any():
            passed = np.flatnonzero(present & (curve >= threshold))
            times.append(frames[passed[0]] if len(passed) else frames[present][-1])
            reached.append(bool(len(passed)))
    return np.asarray(times, dtype=np.float64), np.asarray(reached, dtype=np.float64)
