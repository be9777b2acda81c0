"""Two levels of seeds: pretrainings, and trainings from each. The pretraining is the sample.

Arms are pretrained from several seeds each, and agents trained from each of those. Trainings from one
pretrained model share its luck, so that they are no independent seeds: they are averaged, and the
pretrainings' means are compared. Their variance is pooled over arms, as in the nested analysis of variance,
for two or three pretrainings an arm say too little alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glam_eval.statistics.inference.estimates import Estimate, Kind
from glam_eval.statistics.inference.intervals import (
    NOTHING,
    Part,
    combine,
    decompose,
    estimate_mean,
    variance_of_mean,
)
from glam_eval.statistics.inference.metrics import FloatArray

Arm = Sequence[FloatArray]  # of each pretraining its trainings' values, (seeds, scenes) or (seeds, 1)


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations between pretrainings, and between trainings from one of them."""

    pretrainings: float
    trainings: float


def pretraining_means(arm: Arm) -> FloatArray:
    """Return the mean of each pretraining's trainings, (pretrainings, scenes)."""
    return np.stack([np.nanmean(values, axis=0) for values in arm])


def spread(arms: Sequence[Arm]) -> Spread:
    """Return the spread of success at both levels, pooled over arms (expected mean squares)."""
    between = _pooled([pretraining_means(arm).mean(axis=1) for arm in arms])
    within = _pooled([np.nanmean(values, axis=1) for arm in arms for values in arm])
    trainings = float(np.mean([len(values) for arm in arms for values in arm]))
    own = max(0.0, between.variance - within.variance / trainings)
    return Spread(float(np.sqrt(own)), float(np.sqrt(within.variance)))


def nested_difference(arm: Arm, other: Arm, all_arms: Sequence[Arm], kind: Kind) -> Estimate:
    """Return the difference of two arms, its variance between pretrainings pooled over all arms.

    Raises ValueError if no arm has two pretrainings: nothing tells then what another one would give.
    """
    first, second = pretraining_means(arm), pretraining_means(other)
    pooled = _pooled([pretraining_means(each).mean(axis=1) for each in all_arms])
    if not pooled.freedom:
        raise ValueError("no arm has two pretrainings")
    share = 1 / len(first) + 1 / len(second)
    scenes, residuals = NOTHING, [NOTHING, NOTHING]
    if first.shape[1] > 1 and first.shape[1] == second.shape[1]:
        scenes = variance_of_mean(first.mean(axis=0) - second.mean(axis=0))
        residuals = [decompose(values).residual for values in (first, second) if len(values) > 1]
    error, freedom = combine([Part(pooled.variance * share, pooled.freedom)], [scenes], residuals)
    fewest = min(len(first), len(second))
    arms = tuple(estimate_mean(each, "proportion") for each in (first, second))
    return Estimate(
        float(first.mean() - second.mean()), error, freedom, fewest, first.shape[1], kind,
        of_seeds=pooled.variance * share, noise=sum(part.variance for part in residuals),
        arms=arms if kind == "difference" else (), n_pooled=pooled.freedom + 1,
    )  # fmt: skip


def _pooled(samples: Sequence[FloatArray]) -> Part:
    """Return the pooled variance of one value, and its degrees of freedom."""
    freedom = sum(len(sample) - 1 for sample in samples)
    squares = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in samples)
    return Part(squares / freedom if freedom else 0.0, freedom)
