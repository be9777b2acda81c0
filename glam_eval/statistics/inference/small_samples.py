"""What few seeds allow: skewness of success rates, seeds that collapsed, bounds for any distribution.

Constants were chosen by the simulations of ``statistics.simulation``, whose results are committed as
``results/statistics/coverage.parquet``.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from glam_eval.core.seeds import stream
from glam_eval.statistics.inference.metrics import FloatArray

COLLAPSE = 3.5  # logits below the median seed; seeds with a spread of 1.5 logits do this 1 time in 100
SOUND = 0.3  # success of the median seed from which another's failure is a collapse
WEIGHT_DRAWS = 20_000
_LARGEST_SPREAD = 0.98  # of the variance of a coin: a beta distribution's skewness is infinite at 1


def skewness_of_rates(mean: float, variance: float) -> float:
    """Return the skewness of the beta distribution with this mean and variance: seeds near 0 or 1 are skewed.

    A handful of seeds cannot show their own skewness: the bad ones are the rare ones.
    """
    coin = mean * (1 - mean)
    precision = coin / min(variance, _LARGEST_SPREAD * coin) - 1
    a, b = mean * precision, (1 - mean) * precision
    return float(2 * (b - a) * math.sqrt(precision + 1) / ((precision + 2) * math.sqrt(a * b)))


def skewed_interval(mean: float, error: float, critical: float, skewness: float) -> tuple[float, float]:
    """Return the t interval corrected for the skewness of the mean by Hall's cubic transform (1992).

    ``skewness`` is the mean's own (a seed's over the root of their number), ``critical`` Student's quantile.
    """
    if abs(skewness) < 1e-6:
        return mean - critical * error, mean + critical * error

    def inverse(quantile: float) -> float:
        return float(3 / skewness * (np.cbrt(1 + skewness * (quantile - skewness / 6)) - 1))

    return mean - error * inverse(critical), mean - error * inverse(-critical)


def collapsed(seed_means: ArrayLike) -> NDArray[np.bool_]:
    """Return which seeds' success (n,) fell so far below the median seed's that they are another kind.

    By 3.5 logits and to less than half. None where the median is below 30%: there is nothing to fall from.
    Rates of 0 and 1 count as 0.5 and 99.5%.
    """
    means = np.asarray(seed_means, dtype=np.float64)
    middle = np.median(means)
    low = means < middle / 2
    if not low.any() or middle < SOUND:
        return np.zeros(means.shape, dtype=np.bool_)
    logits = special.logit(np.clip(means, 0.005, 0.995))
    return np.asarray((np.median(logits) - logits > COLLAPSE) & low)


def sure_interval(seed_means: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return an interval of the mean of seeds (n,) in [0, 1] that covers whatever their distribution is.

    Gaffke's bound (2005), the Bayesian bootstrap with one seed more, at 0 for the lower end and at 1 for the
    upper: with all of n seeds at 1 it is the exact binomial bound. It is as wide as so few seeds deserve.
    """
    means = np.asarray(seed_means, dtype=np.float64)
    weights = _weights(len(means))
    known = weights[:, 1:] @ np.sort(means)
    tail, mean = (1 - level) / 2, float(means.mean())
    low, high = np.quantile(known, tail), np.quantile(known + weights[:, 0], 1 - tail)
    # Weights sum to 1 but for rounding: seeds that all succeed must not end above 1, nor below themselves.
    return min(float(low), mean), min(1.0, max(float(high), mean))


def highest_collapse(seeds: int, collapses: int = 0, level: float = 0.95) -> float:
    """Return the highest probability of a collapse that so many seeds don't exclude (Clopper and Pearson)."""
    return 1.0 if collapses >= seeds else float(special.betaincinv(collapses + 1, seeds - collapses, level))


def rarest_signs(seeds: int) -> float:
    """Return the smallest two-sided p-value of a sign-flip test of so many paired seeds."""
    return float(2.0 ** (1 - seeds))


def rarest_division(first: int, second: int) -> float:
    """Return the smallest two-sided p-value of a permutation test of so many seeds against so many."""
    return min(1.0, 2 / math.comb(first + second, first))


def equal_trials(rarest: float) -> float:
    """Return how many tosses of a coin have this smallest two-sided p-value: 2^(1 - n)."""
    return 1 - math.log2(rarest)


@cache
def _weights(seeds: int) -> FloatArray:
    """Return (draws, seeds + 1) weights of the Bayesian bootstrap, the same at every call."""
    return stream(0, "statistics", "sure interval").dirichlet(np.ones(seeds + 1), WEIGHT_DRAWS)
