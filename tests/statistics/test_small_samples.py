"""What few seeds allow: exact bounds, beta skewness, collapse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from glam_eval.statistics.inference.intervals import estimate_difference, estimate_mean
from glam_eval.statistics.inference.small_samples import (
    collapsed,
    equal_trials,
    highest_collapse,
    rarest_division,
    rarest_signs,
    skewness_of_rates,
    sure_interval,
)


@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_the_sure_interval_of_seeds_that_all_succeed_is_the_exact_binomial_one(seeds):
    low, high = sure_interval(np.ones(seeds))
    exact = stats.binomtest(seeds, seeds).proportion_ci()
    assert (low, high) == pytest.approx((exact.low, 1), abs=0.006)  # the weights are drawn
    lower, upper = sure_interval(np.zeros(seeds))
    assert (lower, upper) == pytest.approx((0, 1 - exact.low), abs=0.006)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_the_sure_interval_holds_the_mean_and_is_wider_for_more_certainty(means):
    low, high = sure_interval(means)
    assert 0 <= low <= np.mean(means) <= high <= 1
    surer = sure_interval(means, 0.99)
    assert surer[0] <= low and high <= surer[1]


@pytest.mark.parametrize(("a", "b"), [(2, 5), (0.7, 0.4), (20, 1)])
def test_skewness_is_the_beta_distributions(a, b):
    mean, variance, skewness = stats.beta(a, b).stats("mvs")
    assert skewness_of_rates(float(mean), float(variance)) == pytest.approx(float(skewness))


def test_a_collapse_is_far_below_a_median_that_learned():
    assert collapsed([0.95, 0.9, 0.97, 0.05, 0.92]).tolist() == [False, False, False, True, False]
    assert not collapsed([0.95, 0.9, 0.97, 0.6, 0.92]).any()  # worse, but of the same kind
    assert not collapsed([0.2, 0.15, 0.25, 0.0, 0.2]).any()  # nothing to fall from
    assert not collapsed([1.0, 1.0, 0.83]).any()  # 3.7 logits by 12 scenes, yet not half


def test_bounds_on_collapse_and_on_rearranging_are_exact():
    for fallen in (0, 1):
        bound = stats.binomtest(fallen, 6, alternative="less").proportion_ci(0.95).high
        assert highest_collapse(6, fallen) == pytest.approx(bound)
    assert rarest_division(5, 4) == 2 / math.comb(9, 4)
    assert equal_trials(rarest_signs(7)) == pytest.approx(7)


def test_a_collapsed_seed_takes_the_interval_for_any_distribution_and_no_difference_has_one():
    generator = np.random.default_rng(0)
    values = (generator.random((6, 80)) < 0.9) * 1.0
    values[2] = 0.0
    estimate = estimate_mean(values, "proportion")
    assert estimate.n_collapsed == 1
    assert estimate.interval() == pytest.approx(sure_interval(values.mean(axis=1)))
    other = estimate_difference(values, (generator.random((6, 80)) < 0.9) * 1.0)
    assert np.isnan([*other.interval(), other.p_equivalence(0.05)]).all()
    assert other.n_collapsed == 1
