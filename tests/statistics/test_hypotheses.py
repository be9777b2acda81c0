import itertools
import math
from unittest import mock

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from glam_eval.statistics.inference.hypotheses import (
    adjust,
    cluster_logistic,
    effect_size,
    paired_effect_size,
    permutation_test,
    sign_flip_test,
)

A = np.array([0.91, 0.72, 0.85, 0.64, 0.95, 0.8])
B = np.array([0.7, 0.6, 0.86, 0.5, 0.72])


def _distance(x, y, axis):
    return np.abs(x.mean(axis=axis) - y.mean(axis=axis))


def test_sign_flips_are_scipys(generator):
    differences = np.array([0.12, 0.03, -0.01, 0.2, 0.07, 0.05, 0.0])
    expected = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_test(differences, generator) == pytest.approx(expected.pvalue)


def test_permutations_are_scipys(generator):
    expected = stats.permutation_test((A, B), _distance, n_resamples=np.inf, alternative="greater")
    assert permutation_test(A, B, generator) == pytest.approx(expected.pvalue)


def test_exact_tests_cannot_go_below_their_number_of_arrangements(generator):
    assert sign_flip_test([0.3, 0.4, 0.2], generator) == 2 / 8
    assert permutation_test([1, 2, 3], [7, 8, 9], generator) == 2 / 20
    assert sign_flip_test([0.0, 0.0], generator) == 1
    assert np.isnan(sign_flip_test([0.3], generator))
    assert np.isnan(permutation_test([0.3], [0.1, 0.2], generator))


def test_many_seeds_are_drawn_close_to_the_exact_value():
    x = np.random.default_rng(0).normal(0.25, 1, 30)
    y = np.random.default_rng(1).normal(0, 1, 30)
    drawn = [sign_flip_test(x, np.random.default_rng(s)) for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == pytest.approx(stats.ttest_1samp(x, 0).pvalue, abs=0.02)
    assert permutation_test(x, y, np.random.default_rng(5)) == pytest.approx(
        stats.ttest_ind(x, y).pvalue, abs=0.02
    )


def test_the_logistic_model_is_statsmodels_gee_up_to_its_small_sample_factor():
    generator = np.random.default_rng(4)
    trials, clusters = 60, np.tile(np.arange(8), 2)
    condition = np.repeat([1, 0], 8)
    skill = generator.normal(0, 0.5, 8)
    wins = generator.binomial(trials, 1 / (1 + np.exp(-(skill[clusters] + 0.6 * condition))))
    odds, p_value = cluster_logistic(wins, np.full(16, trials), condition, clusters)
    outcome = np.concatenate([np.r_[np.ones(w), np.zeros(trials - w)] for w in wins])
    design = sm.add_constant(np.repeat(condition, trials))
    gee = sm.GEE(outcome, design, groups=np.repeat(clusters, trials), family=sm.families.Binomial()).fit()
    assert odds == pytest.approx(np.exp(gee.params[1]))
    table = [wins[:8].sum(), wins[8:].sum()]
    assert odds == pytest.approx((table[0] / (480 - table[0])) / (table[1] / (480 - table[1])))
    factor = np.sqrt(8 / 7 * 15 / 14)  # clusters and observations of the aggregated table
    assert p_value == pytest.approx(2 * stats.t.sf(abs(gee.params[1] / gee.bse[1]) / factor, 7))


def test_infinite_odds_are_not_estimated():
    assert np.isnan(cluster_logistic([10, 10, 3, 4], [10] * 4, [1, 1, 0, 0], [0, 1, 0, 1])).all()


def test_effect_sizes():
    pooled = np.sqrt(((len(A) - 1) * A.var(ddof=1) + (len(B) - 1) * B.var(ddof=1)) / 9)
    assert effect_size(A, B) == pytest.approx(
        (A.mean() - B.mean()) / pooled * (1 - 3 / (4 * 9 - 1)), rel=1e-3
    )
    d = A[:5] - B
    assert paired_effect_size(d) == pytest.approx(d.mean() / d.std(ddof=1) * (1 - 3 / (4 * 4 - 1)), rel=5e-3)
    assert np.isnan(effect_size([1, 1], [0, 0]))
    assert np.isnan(paired_effect_size([0.1]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_correction_is_statsmodels(p_values):
    with mock.patch("gc.collect"):  # multipletests collects garbage on every call
        expected = multipletests(p_values, method="bonferroni")[1]
    assert adjust(p_values) == pytest.approx(expected)
    with_gap = adjust([*p_values, np.nan])
    assert with_gap[:-1] == pytest.approx(expected)
    assert np.isnan(with_gap[-1])


@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=5), st.lists(st.integers(0, 20), min_size=2, max_size=9)
)
def test_divisions_are_counted_as_if_each_were_made(a, b):
    """Whole twentieths tie often; every division is made here, and counted with exact fractions."""
    pooled, n = [*a, *b], len(a)
    sums = [sum(chosen) for chosen in itertools.combinations(pooled, n)]
    apart = [abs(len(pooled) * total - n * sum(pooled)) for total in sums]
    extreme = sum(each >= apart[0] for each in apart)
    found = permutation_test(np.array(a) / 20, np.array(b) / 20, np.random.default_rng(0))
    assert found == extreme / len(sums)


def test_two_seeds_against_hundreds_are_counted_too(generator):
    many = np.linspace(0, 1, 600)
    assert permutation_test([2.0, 2.0], many, generator) == pytest.approx(1 / math.comb(602, 2))
