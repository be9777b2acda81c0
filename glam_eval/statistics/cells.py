"""From tables of episodes to arrays: one value per condition, seed and scene."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glam_eval.core.errors import UserError
from glam_eval.statistics.inference.estimates import Kind
from glam_eval.statistics.inference.metrics import FloatArray

SHARED_SCENES = 20  # cells per episode above which scenes are not a shared list (and would fill the memory)
BOUNDED = frozenset(
    {
        *("success", "return", "area_under_curve", "efficiency", "wrong_object", "wrong_order"),
        *("right", "right_per_token", "right_calibrated", "distance"),
        *("success_told", "first_told", "first_meant", "first_chance", "bot_first_meant"),
    }
)  # values in [0, 1]


GAINS = frozenset({"gain_along_training", "gain_at_end"})  # differences of such


def kind_of(value: str) -> Kind:
    """Return how the mean of a column is estimated: success and other fractions as proportions."""
    if value in GAINS:
        return "difference"
    return "proportion" if value in BOUNDED else "mean"


@dataclass(frozen=True)
class Cells:
    """Values (conditions, seeds, scenes), NaN where not played; row i of ``conditions`` names the i-th.

    When seeds were not played on a shared list of scenes there is one column, the seed's mean. Gains know
    what they are gained ``over``.
    """

    conditions: pd.DataFrame
    values: FloatArray
    counts: NDArray[np.int64]  # (conditions, seeds) episodes
    over: FloatArray | None = (
        None  # as values: the heights at a curve's start, where values are gains over them
    )

    def matrix(self, condition: int) -> FloatArray:
        """Return (seeds, scenes) of a condition, without the seeds and scenes it was never played with."""
        values = self.values[condition]
        present = ~np.isnan(values)
        return np.asarray(values[present.any(axis=1)][:, present.any(axis=0)])

    def parts(self, condition: int) -> tuple[FloatArray, ...]:
        """Return of gains the heights at their end and at their start, as ``matrix``; else nothing."""
        if self.over is None:
            return ()
        present = ~np.isnan(self.values[condition])
        start = self.over[condition][present.any(axis=1)][:, present.any(axis=0)]
        return self.matrix(condition) + start, start

    def aligned(self, a: int, b: int) -> tuple[FloatArray, FloatArray]:
        """Return both conditions' (seeds, scenes) on the scenes that both were played on, in one order.

        Without a common scene each keeps its own as seeds' means (one column).
        """
        first, second = self.values[a], self.values[b]
        scenes = ~np.isnan(first).all(axis=0) & ~np.isnan(second).all(axis=0)
        if not scenes.any():
            return _seed_means(self.matrix(a)), _seed_means(self.matrix(b))
        first, second = first[:, scenes], second[:, scenes]
        return first[~np.isnan(first).all(axis=1)], second[~np.isnan(second).all(axis=1)]

    def paired(self, a: int, b: int) -> tuple[FloatArray, FloatArray]:
        """Return both conditions of the same seeds, (seeds, scenes), on what both were played with.

        Without a common scene both are the seeds' means (one column). NaN where only one was played.
        """
        first, second = self.values[a], self.values[b]
        present = ~np.isnan(first - second)
        if not present.any():
            first, second = (_means_or_nan(values)[:, None] for values in (first, second))
            present = ~np.isnan(first - second)
        seeds, scenes = present.any(axis=1), present.any(axis=0)
        kept = [np.where(present, values, np.nan)[seeds][:, scenes] for values in (first, second)]
        return kept[0], kept[1]

    def of_both(self, a: int, b: int) -> tuple[FloatArray, FloatArray]:
        """Return both conditions of the seeds that played both, (seeds, scenes), each on its own scenes."""
        seeds = (self.counts[a] > 0) & (self.counts[b] > 0)
        return tuple(values[:, ~np.isnan(values).all(axis=0)] for values in self.values[[a, b]][:, seeds])

    def seed_means(self) -> FloatArray:
        """Return (conditions, seeds) means over scenes, NaN where a seed was not played."""
        return _means_or_nan(self.values)

    def means_of(self, condition: int) -> FloatArray:
        """Return (seeds,) means of a condition over scenes, NaN where a seed was not played."""
        return _means_or_nan(self.values[condition])


def tabulate(episodes: pd.DataFrame, by: Sequence[str], value: str = "success") -> Cells:
    """Return the values of episodes by condition (the columns ``by``), seed and scene.

    A scene that a seed played more than once counts with its mean. Raises ``UserError`` for missing columns,
    for values that are missing (NaN), and for two runs of one seed in one condition.
    """
    require_columns(episodes, [*by, "seed", "scene_seed", value], "episodes")
    if episodes.empty:
        raise UserError("there are no episodes to average: check the filter, or the results directory")
    numbers = episodes[value].to_numpy(dtype=np.float64)
    if np.isnan(numbers).any():
        raise UserError(
            f"{int(np.isnan(numbers).sum())} episodes have no {value!r}: drop them or repair the table"
        )
    condition, conditions = _number_conditions(episodes, by)
    seed, seeds = pd.factorize(episodes["seed"], sort=True)
    unit = condition * len(seeds) + seed
    shape = (len(conditions), len(seeds))
    _check_one_run(episodes, unit, shape, conditions)
    scene, scenes = pd.factorize(episodes["scene_seed"], sort=True)
    width = len(scenes)
    if shape[0] * shape[1] * width > SHARED_SCENES * len(episodes) + 1_000_000:
        scene, width = np.zeros_like(scene), 1
    cell = unit * width + scene
    size = shape[0] * shape[1] * width
    played = np.bincount(cell, minlength=size)
    with np.errstate(invalid="ignore"):
        values = np.bincount(cell, weights=numbers, minlength=size) / played
    counts = np.bincount(unit, minlength=shape[0] * shape[1])
    return Cells(conditions, values.reshape(*shape, width), counts.reshape(shape))


def final_checkpoints(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return the episodes of each run's last evaluated checkpoint, in each protocol."""
    require_columns(episodes, ["protocol", "run_id", "frames"], "episodes")
    last = episodes.groupby(["protocol", "run_id"], observed=True)["frames"].transform("max")
    return episodes[episodes["frames"] == last]


def require_columns(frame: pd.DataFrame, columns: Iterable[str], table: str) -> None:
    """Raise ``UserError`` naming the columns that a table lacks."""
    missing = [name for name in dict.fromkeys(columns) if name not in frame.columns]
    if missing:
        raise UserError(f"the {table} table lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")


def _number_conditions(episodes: pd.DataFrame, by: Sequence[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Return each episode's condition as a number, and the conditions sorted, texts as plain strings."""
    combined = np.zeros(len(episodes), dtype=np.int64)
    for name in by:
        codes, values = pd.factorize(episodes[name], sort=True)
        combined = combined * (len(values) + 1) + codes
    _, first, condition = np.unique(combined, return_index=True, return_inverse=True)
    conditions = episodes.iloc[first][list(by)].reset_index(drop=True)
    texts = {name: str for name in by if isinstance(conditions[name].dtype, pd.CategoricalDtype)}
    return condition.astype(np.int64), conditions.astype(texts)


def _check_one_run(
    episodes: pd.DataFrame, unit: NDArray[np.int64], shape: tuple[int, int], conditions: pd.DataFrame
) -> None:
    if "run_id" not in episodes:
        return
    run, runs = pd.factorize(episodes["run_id"])
    of_unit = np.zeros(shape[0] * shape[1], dtype=np.int64)
    of_unit[unit] = run
    conflicts = np.flatnonzero(of_unit[unit] != run)
    if len(conflicts):
        first = conflicts[0]
        where = ", ".join(f"{k} {v}" for k, v in conditions.iloc[unit[first] // shape[1]].items())
        pair = f"{runs[run[first]]} and {runs[of_unit[unit[first]]]}"
        raise UserError(
            f"runs {pair} share seed and {where}: give the runs table (name_variants), or keep one of them"
        )


def _means_or_nan(values: FloatArray) -> FloatArray:
    present = ~np.isnan(values)
    counts = present.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(present, values, 0.0).sum(axis=-1) / counts)


def _seed_means(matrix: FloatArray) -> FloatArray:
    return _means_or_nan(matrix)[:, None]
