"""Tests beside the default one, effect sizes, and corrections for many tests."""

import itertools
import math
import warnings
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glam_eval.statistics.inference.metrics import FloatArray

EXACT_ARRANGEMENTS = 200_000  # up to 10 against 10 seeds, or 17 paired; above, arrangements are drawn
RANDOM_ARRANGEMENTS = 20_000
_ROUNDING = 1e-12  # arrangements as extreme as the observed one differ from it by rounding only


def sign_flip_test(differences: ArrayLike, generator: np.random.Generator) -> float:
    """Return the two-sided permutation p-value that paired differences (n,) are symmetric about 0.

    Exact up to 17 differences: every assignment of signs is counted. NaN for fewer than 2.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return np.nan
    exact = 2 ** len(values) <= EXACT_ARRANGEMENTS
    if exact:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(values))))
    else:
        signs = generator.choice((1.0, -1.0), size=(RANDOM_ARRANGEMENTS, len(values)))
    return _tail_share(np.abs(signs @ values), abs(values.sum()), exact)


def permutation_test(a: ArrayLike, b: ArrayLike, generator: np.random.Generator) -> float:
    """Return the two-sided permutation p-value that independent samples (n,), (m,) have one distribution.

    The statistic is the difference of means. Exact up to 200,000 divisions of the sample. NaN with fewer than
    2 values on a side.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    pooled, n = np.concatenate([first, second]), len(first)
    if min(n, len(second)) < 2:
        return np.nan
    center = n * pooled.mean()
    observed = abs(first.sum() - center)
    if math.comb(len(pooled), n) <= EXACT_ARRANGEMENTS:
        return _share_of_divisions(pooled, n, center, observed - _rounding(observed))
    chosen = generator.permuted(np.tile(np.arange(len(pooled)), (RANDOM_ARRANGEMENTS, 1)), axis=1)[:, :n]
    return _tail_share(np.abs(pooled[chosen].sum(axis=1) - center), observed, exact=False)


def cluster_logistic(
    successes: ArrayLike, trials: ArrayLike, condition: ArrayLike, seed: ArrayLike
) -> tuple[float, float]:
    """Return odds ratio and two-sided p-value of condition 1 against 0, standard errors clustered by seed.

    One row per condition and seed: successes out of trials. A binomial regression with the small-sample
    cluster-robust covariance and Student's t on clusters - 1 (statsmodels). With few clusters it is a little
    liberal, so it accompanies the default test and never replaces it. NaN where the odds are 0 or infinite,
    and for fewer than two seeds a condition.
    """
    wins, played = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    treated, clusters = (
        np.asarray(condition, dtype=np.float64),
        np.unique(np.asarray(seed), return_inverse=True)[1],
    )
    totals = [(wins[treated == c].sum(), played[treated == c].sum()) for c in (0, 1)]
    if len(wins) < 4 or any(won in (0, of) for won, of in totals):
        return np.nan, np.nan
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    outcome = np.column_stack([wins, played - wins])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        model = GLM(outcome, np.column_stack([np.ones_like(treated), treated]), family=Binomial())
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True)
    if not fit.bse[1] > 1e-8:  # seeds without any variation: no standard error to test with
        return float(np.exp(fit.params[1])), np.nan
    return float(np.exp(fit.params[1])), float(fit.pvalues[1])


def paired_effect_size(differences: ArrayLike) -> float:
    """Return Hedges' g of paired differences (n,): mean over standard deviation, corrected for small n."""
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or not values.std(ddof=1) > _ROUNDING:
        return np.nan
    return float(values.mean() / values.std(ddof=1) * _small_sample_correction(len(values) - 1))


def effect_size(a: ArrayLike, b: ArrayLike) -> float:
    """Return Hedges' g of independent samples (n,), (m,): difference over the pooled standard deviation."""
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    freedom = len(first) + len(second) - 2
    if min(len(first), len(second)) < 2:
        return np.nan
    squares = ((first - first.mean()) ** 2).sum() + ((second - second.mean()) ** 2).sum()
    pooled = math.sqrt(squares / freedom)
    if not pooled > _ROUNDING:
        return np.nan
    return float((first.mean() - second.mean()) / pooled * _small_sample_correction(freedom))


def adjust(p_values: ArrayLike) -> FloatArray:
    """Return p-values (n,) adjusted over their family by Bonferroni; NaN is not counted."""
    p = np.asarray(p_values, dtype=np.float64)
    return np.asarray(np.minimum(1.0, p * (~np.isnan(p)).sum()))


def _small_sample_correction(freedom: int) -> float:
    """Return the exact factor J of Hedges (1981)."""
    return (
        math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)
        if freedom > 1
        else math.nan
    )


def _tail_share(statistics: FloatArray, observed: float, exact: bool) -> float:
    extreme = int((statistics >= observed - _rounding(observed)).sum())
    return extreme / len(statistics) if exact else (1 + extreme) / (1 + len(statistics))


def _rounding(observed: float) -> float:
    return _ROUNDING * max(1.0, observed)


def _share_of_divisions(pooled: FloatArray, size: int, center: float, least: float) -> float:
    """Return the share of all choices of ``size`` values whose sum is ``least`` or more from ``center``.

    A choice is a part of the first half and one of the second (Horowitz & Sahni 1974, "Computing partitions
    with applications to the knapsack problem"): of 20 values a thousand sums each way, not 184,756.
    """
    middle = len(pooled) // 2
    left, right = (_sums_by_size(half, size) for half in (pooled[:middle], pooled[middle:]))
    extreme = 0
    for chosen, sums in enumerate(left):
        if size - chosen >= len(right):
            continue
        others = np.sort(right[size - chosen])
        low, high = (center + side * least - sums for side in (-1, 1))
        above = len(others) - np.searchsorted(others, high, side="left")
        below = np.searchsorted(others, low, side="right")
        extreme += int(np.minimum(above + below, len(others)).sum())
    return extreme / math.comb(len(pooled), size)


def _sums_by_size(values: FloatArray, most: int) -> list[FloatArray]:
    """Return the sums of all choices of 0, 1 and up to ``most`` of the values (n,)."""
    sizes = range(min(most, len(values)) + 1)
    return [values[_combinations(len(values), size)].sum(axis=1) for size in sizes]


@cache
def _combinations(size: int, chosen: int) -> NDArray[np.int64]:
    choices = list(itertools.combinations(range(size), chosen))
    return np.array(choices, dtype=np.int64).reshape(len(choices), chosen)
