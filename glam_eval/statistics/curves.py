"""Curves along training: pointwise intervals, simultaneous bands, areas under curves."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from glam_eval.core.errors import UserError
from glam_eval.statistics.cells import Cells, kind_of, require_columns, tabulate
from glam_eval.statistics.inference.estimates import Estimate
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import FloatArray

WHO = ("agent", "model")
BAND_DRAWS = 20_000
ROUNDING = 1e-12
OWN_SHARE = 2.0  # see critical_value
AREA, GAIN, END_GAIN = "area_under_curve", "gain_along_training", "gain_at_end"


def curve_episodes(episodes: pd.DataFrame, reference: str = "none") -> pd.DataFrame:
    """Return the episodes that curves are made of: protocols with several checkpoints, words of training.

    Empty if no protocol evaluated any run more than once. ``sample-efficiency`` alone if it is there.
    """
    require_columns(episodes, ["protocol", "run_id", "frames", "shift"], "episodes")
    points = episodes.groupby(["protocol", "run_id"], observed=True)["frames"].nunique()
    several = [str(p) for p in points[points > 1].index.get_level_values("protocol").unique()]
    chosen = ["sample-efficiency"] if "sample-efficiency" in several else several[:1]
    return episodes[episodes["protocol"].isin(chosen) & (episodes["shift"] == reference)]


def settled_updates(training: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the updates until which as many episodes had ended as a run has environments.

    The episodes that end first are the quick and lucky ones: an agent that solves 8% showed 100% in its first
    update. Runs whose configuration does not tell their environments keep all updates.
    """
    counts: dict[str, int] = {}
    for run_id, text in zip(runs["run_id"], runs["config"], strict=True):
        try:
            config = json.loads(text)
        except ValueError:
            continue
        held = [
            part["environments"]
            for part in config.values()
            if isinstance(part, dict) and "environments" in part
        ]
        counts[str(run_id)] = max(held, default=0)
    needed = training["run_id"].astype(str).map(counts).fillna(0)
    return training[training["episodes"] >= needed]


def learning_curves(
    table: pd.DataFrame, generator: np.random.Generator, *, by: Sequence[str] = WHO, value: str | None = None
) -> pd.DataFrame:
    """Return one row per condition and checkpoint: the mean over seeds, its interval, the curve's band.

    ``table`` holds episodes (every checkpoint a point; see ``curve_episodes``) or training updates (value
    ``success_rate``). Columns: ``by``, frames, mean, low, high, band_low, band_high, n_seeds, n_episodes.
    Intervals [low, high] cover each point with 95%; bands cover the whole curve at once with 95%. Where
    fewer seeds reached a point than others, the point states its n_seeds and has no band.
    """
    cells = tabulate_curves(table, by, value)
    kind = kind_of("success" if value in (None, "success_rate") else value)
    rows = []
    for index in cells.conditions.groupby(list(by), sort=False).groups.values():
        points = np.asarray(index)
        estimates = [estimate_mean(cells.matrix(point), kind) for point in points]
        bands = curve_bands(cells.seed_means()[points], estimates, generator)
        for point, estimate, (band_low, band_high) in zip(points, estimates, bands, strict=True):
            low, high = estimate.interval()
            measured = (estimate.value, low, high, band_low, band_high, estimate.n_seeds, estimate.n_episodes)
            rows.append((*cells.conditions.iloc[point], *measured))
    columns = ["mean", "low", "high", "band_low", "band_high", "n_seeds", "n_episodes"]
    return pd.DataFrame(rows, columns=[*by, "frames", *columns])


def tabulate_curves(table: pd.DataFrame, by: Sequence[str], value: str | None = None) -> Cells:
    """Return the cells of ``by`` and frames, from episodes or from training updates (one value a seed)."""
    if "scene_seed" in table:
        return tabulate(table, [*by, "frames"], value or "success")
    rows = table.dropna(subset=["success_rate"]) if "success_rate" in table else table
    return tabulate(rows.assign(scene_seed=0), [*by, "frames"], value or "success_rate")


def critical_value(curves: ArrayLike, generator: np.random.Generator, level: float = 0.95) -> float:
    """Return the multiple of the standard error that covers a whole curve at once: (seeds, points) -> c.

    The quantile of max |t| over points, for t with seeds - 1 degrees of freedom and the points' correlation
    as the seeds show it, shrunk towards independence by 2 / seeds (the sup-t band, Montiel Olea &
    Plagborg-Moller 2019; unshrunk it covers 90% of curves at 5 seeds, whose correlation looks too
    strong). Points without spread over seeds are left out. NaN with fewer than 2 seeds.
    """
    values = np.asarray(curves, dtype=np.float64)
    seeds = len(values)
    if seeds < 2:
        return np.nan
    single = float(stats.t.ppf((1 + level) / 2, seeds - 1))
    deviations = values - values.mean(axis=0)
    spread = np.sqrt((deviations**2).sum(axis=0))
    varied = spread > ROUNDING
    if not varied.any():
        return single
    directions = deviations[:, varied] / spread[varied]
    own = min(1.0, OWN_SHARE / seeds)
    shared = generator.standard_normal((BAND_DRAWS, seeds)) @ directions
    normal = np.sqrt(1 - own) * shared + np.sqrt(own) * generator.standard_normal(shared.shape)
    scale = np.sqrt(generator.chisquare(seeds - 1, BAND_DRAWS) / (seeds - 1))
    return max(single, float(np.quantile(np.abs(normal).max(axis=1) / scale, level)))


def areas(
    table: pd.DataFrame, by: Sequence[str] = WHO, budget: int | None = None, measure: str = AREA
) -> tuple[Cells, int]:
    """Return a measure of each seed's curve (on each scene, for episodes), and the budget in frames.

    The area is the trapezoid rule's over [first point, budget], divided by that length: the mean success up
    to the budget ("sample efficiency" of the paper). ``budget`` defaults to where the shortest curve ends. An
    agent with a single point never learns: its area is its success. A curve that ends before the
    budget has no area (NaN): nothing is extrapolated. Gains are what training adds, since a head start is no
    sample efficiency: the area less the first point, and the height at the budget less the first point. Who
    has a single point has no gain, and no row.
    """
    cells = tabulate_curves(table, by)
    groups = cells.conditions.groupby(list(by), sort=False).groups
    if measure != AREA:
        groups = {key: index for key, index in groups.items() if len(index) > 1}
    frames = cells.conditions["frames"].to_numpy()
    if budget is None:
        budget = _shortest(cells, frames, groups.values())
    conditions = cells.conditions.iloc[[index[0] for index in groups.values()]][list(by)].reset_index(
        drop=True
    )
    shape = (len(groups), *cells.values.shape[1:])
    values, counts = np.full(shape, np.nan), np.zeros(shape[:2], dtype=np.int64)
    starts = np.full(shape, np.nan)
    for row, index in enumerate(groups.values()):
        points = np.asarray(index)
        for seed in range(shape[1]):
            present = points[cells.counts[points, seed] > 0]
            weights = curve_weights(measure, frames[present], budget)
            if weights is not None:
                values[row, seed] = weights @ cells.values[present, seed]
                starts[row, seed] = cells.values[present[0], seed]
                counts[row, seed] = cells.counts[present, seed].min()
    return Cells(conditions, values, counts, None if measure == AREA else starts), budget


def curve_weights(measure: str, frames: NDArray[np.int64], budget: float) -> FloatArray | None:
    """Return the weights of a curve's points in a measure; None if the curve ends before the budget."""
    area = area_weights(frames, budget)
    if area is None or measure == AREA:
        return area
    identity = np.eye(len(frames))
    heights = np.array([float(np.interp(budget, frames, curve)) for curve in identity])
    return np.asarray((area if measure == GAIN else heights) - identity[0])


def area_weights(frames: NDArray[np.int64], budget: float) -> FloatArray | None:
    """Return the weights of a curve's points in its mean height up to the budget; None if it ends before.

    Between points the curve is a line, also at the budget itself.
    """
    if len(frames) == 1:
        return np.ones(1)
    if len(frames) == 0 or frames[-1] < budget or budget <= frames[0]:
        return None
    identity = np.eye(len(frames))  # each point's own curve: 1 there, 0 at the others
    inside = frames[frames < budget]
    at = np.append(inside, budget)
    heights = np.stack([np.interp(at, frames, curve) for curve in identity])
    return np.asarray(np.trapezoid(heights, at, axis=1) / (budget - frames[0]))


def _shortest(cells: Cells, frames: NDArray[np.int64], groups: Iterable[Any]) -> int:
    """Return the frames at which the shortest curve of more than one point ends."""
    ends: list[int] = []
    for index in groups:
        points = np.asarray(index)
        played = cells.counts[points] > 0
        ends += [int(frames[points][seed].max()) for seed in played.T if seed.sum() > 1]
    if not ends:
        raise UserError("no run was evaluated at more than one point of training: there are no curves")
    return min(ends)


def curve_bands(
    means: FloatArray, estimates: Sequence[Estimate], generator: np.random.Generator
) -> list[tuple[float, float]]:
    """Return each point's band from seed means (points, seeds); points that lack seeds have none."""
    most = max(estimate.n_seeds for estimate in estimates)
    complete = [estimate.n_seeds == most for estimate in estimates]
    curves = means[complete]
    critical = critical_value(curves[:, ~np.isnan(curves).any(axis=0)].T, generator)
    level = 1 - 0.05 / len(curves)  # Bonferroni, for points at exactly 0 or 1, where no t applies
    return [
        estimate.interval(level, critical) if whole else (np.nan, np.nan)
        for estimate, whole in zip(estimates, complete, strict=True)
    ]
