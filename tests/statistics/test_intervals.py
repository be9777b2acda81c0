from dataclasses import replace
from math import factorial

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import optimize, stats
from scipy.special import expit, logit
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_paired

from glam_eval.statistics.inference.intervals import (
    Estimate,
    estimate_difference,
    estimate_mean,
    variance_components,
)
from glam_eval.statistics.inference.small_samples import skewness_of_rates

SEED_VALUES = np.array([0.52, 0.61, 0.48, 0.7, 0.55])


def test_one_value_a_seed_is_students_t():
    estimate = estimate_mean(SEED_VALUES[:, None])
    expected = stats.ttest_1samp(SEED_VALUES, 0)
    assert estimate.interval() == pytest.approx(tuple(expected.confidence_interval()))
    assert estimate.p_value() == pytest.approx(expected.pvalue)
    assert estimate.freedom == pytest.approx(4)


def _beta_skewness(mean, variance):
    precision = mean * (1 - mean) / variance - 1
    return float(stats.beta(mean * precision, (1 - mean) * precision).stats("s"))


def _hall(mean, se, quantile, skewness):
    """The true mean at which Hall's transform of the t statistic is the quantile, by root finding."""

    def transformed(t):
        return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6 - quantile

    return mean - se * optimize.brentq(transformed, -200, 200)


@pytest.mark.parametrize("seeds", [SEED_VALUES, np.array([0.99, 0.95, 0.97, 0.8, 0.98])])
def test_a_proportion_is_students_t_on_the_logit_scale_or_with_a_betas_skewness(seeds):
    m, se, t = seeds.mean(), stats.sem(seeds), stats.t.ppf(0.975, 4)
    reach = t * se / (m * (1 - m))
    skewness = _beta_skewness(m, seeds.var(ddof=1)) / np.sqrt(5)
    low, high = estimate_mean(seeds[:, None], "proportion").interval()
    assert low == pytest.approx(min(expit(logit(m) - reach), max(0, _hall(m, se, t, skewness))))
    assert high == pytest.approx(max(expit(logit(m) + reach), min(1, _hall(m, se, -t, skewness))))


def test_components_are_those_of_the_two_way_analysis_of_variance():
    values = np.random.default_rng(0).normal(size=(4, 30)) + np.arange(4)[:, None] + np.linspace(0, 2, 30)
    seed, scene = np.indices(values.shape)
    frame = pd.DataFrame({"y": values.ravel(), "seed": seed.ravel(), "scene": scene.ravel()})
    squares = anova_lm(smf.ols("y ~ C(seed) + C(scene)", frame).fit())["mean_sq"]
    components = variance_components(values)
    assert components.residual == pytest.approx(squares["Residual"])
    assert components.seeds == pytest.approx((squares["C(seed)"] - squares["Residual"]) / 30)
    assert components.scenes == pytest.approx((squares["C(scene)"] - squares["Residual"]) / 4)
    estimate = estimate_mean(values)
    s, c, r = squares["C(seed)"], squares["C(scene)"], squares["Residual"]
    assert estimate.error**2 == pytest.approx((s + c - r) / 120)
    few = s * (1 + 4 / 3)  # four seeds may vary more than they show: Satterthwaite's formula is told so
    assert estimate.freedom == pytest.approx((few + c - r) ** 2 / (few**2 / 3 + c**2 / 29 + r**2 / 87))


def test_independent_seeds_are_welchs_test():
    other = np.array([0.3, 0.45, 0.2, 0.41, 0.35, 0.38, 0.5])
    estimate = estimate_difference(SEED_VALUES[:, None], other[:, None])
    expected = stats.ttest_ind(SEED_VALUES, other, equal_var=False)
    assert estimate.p_value() == pytest.approx(expected.pvalue)
    assert estimate.interval() == pytest.approx(tuple(expected.confidence_interval()))
    means = CompareMeans(DescrStatsW(SEED_VALUES), DescrStatsW(other))
    expected = means.ttost_ind(-0.3, 0.3, usevar="unequal")[0]
    unbounded = estimate_difference(SEED_VALUES[:, None], other[:, None], "mean")
    assert unbounded.p_equivalence(0.3) == pytest.approx(expected)
    assert estimate.p_equivalence(0.3) > expected  # success varies more at the margin, with fewer freedoms


def test_scenes_that_are_hard_for_both_agents_cancel():
    generator = np.random.default_rng(1)
    difficulty = generator.normal(size=200)
    a = generator.random((6, 200)) < expit(1 + 2 * difficulty)
    b = generator.random((6, 200)) < expit(0 + 2 * difficulty)
    together = estimate_difference(a, b)
    apart = np.hypot(estimate_mean(a).error, estimate_mean(b).error)
    assert together.error < 0.75 * apart
    only_seeds = estimate_difference(a, b[:, :150])  # other scenes: nothing to cancel, seeds alone
    assert only_seeds.error == pytest.approx(
        np.hypot(stats.sem(a.mean(axis=1)), stats.sem(b[:, :150].mean(axis=1)))
    )


def test_equivalence_is_statsmodels_tost():
    a, b = SEED_VALUES, SEED_VALUES + np.array([0.01, -0.02, 0.0, 0.015, -0.01])
    estimate = estimate_mean((a - b)[:, None], "difference")
    assert estimate.p_equivalence(0.05) == pytest.approx(ttost_paired(a, b, -0.05, 0.05)[0])
    one_sided = stats.ttest_1samp(a - b, -0.05, alternative="greater").pvalue
    assert estimate.p_not_worse(0.05) == pytest.approx(one_sided)


def test_one_seed_has_no_interval_and_no_test():
    for estimate in (estimate_mean(np.ones((1, 9))), estimate_difference(np.ones((1, 9)), np.zeros((5, 9)))):
        assert np.isnan([*estimate.interval(), estimate.p_value(), estimate.p_equivalence(0.1)]).all()
        assert np.isnan(estimate.detectable())
        assert estimate.n_seeds == 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_or_nothing_is_bounded_by_the_number_of_scenes(value):
    low, high = estimate_mean(np.full((5, 100), value), "proportion").interval()
    exact = stats.binomtest(int(100 * value), 100).proportion_ci()
    assert (low, high) == pytest.approx((exact.low, exact.high))


def test_a_difference_without_any_variation():
    same = estimate_mean(np.zeros((5, 100)), "difference")
    assert same.p_value() == 1
    tossed = np.sqrt(0.5 * 0.05 * 0.95 / 100)  # nothing varied, so a coin at the margin does
    assert same.p_equivalence(0.05) == pytest.approx(stats.t.sf(0.05 / tossed, 4))
    assert same.interval() == pytest.approx((-(1 - 0.025**0.01), 1 - 0.025**0.01))
    always = estimate_mean(np.full((8, 6), -1.0), "difference")
    assert always.p_value() == pytest.approx(stats.binomtest(0, 6).pvalue)
    assert always.p_equivalence(0.05) > 0.999


@pytest.mark.parametrize("seeds", [2, 3, 4, 5, 6])
def test_all_against_nothing_is_as_rare_as_the_seeds_can_be_rearranged(seeds):
    """Two seeds that always succeed against two that never do were told apart with p = 1e-45."""
    won, lost = np.ones((seeds, 150)), np.zeros((seeds, 150))
    independent, paired = estimate_difference(won, lost), estimate_mean(won - lost, "difference")
    if seeds < 3:
        assert np.isnan([*independent.interval(), independent.p_value(), paired.p_value()]).all()
        return
    assert independent.p_value() == pytest.approx(2 * factorial(seeds) ** 2 / factorial(2 * seeds))
    assert paired.p_value() == pytest.approx(2 ** (1 - seeds))
    for estimate in (independent, paired):
        low, high = estimate.interval()
        assert (low > 0) == (estimate.p_value() < 0.05)
        assert high == 1


def test_intervals_stay_where_values_can_be():
    wide = estimate_mean(np.array([[0.99], [0.2], [0.9]]), "proportion").interval()
    assert 0 <= wide[0] <= wide[1] <= 1
    assert estimate_mean(np.array([[0.9], [-0.9], [0.9]]), "difference").interval() == (-1, 1)


def test_missing_cells_leave_the_seeds_means():
    values = np.array([[1.0, 0.0, np.nan], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    estimate = estimate_mean(values)
    assert estimate.value == pytest.approx((0.5 + 2 / 3 + 0) / 3)
    assert estimate.error == pytest.approx(stats.sem([0.5, 2 / 3, 0]))
    assert estimate.n_episodes == 2


def test_the_detectable_difference_has_the_power_it_claims():
    estimate = Estimate(0.0, 0.02, 9.0, 10, 100, "difference")
    shift = estimate.detectable() / 0.02
    power = stats.nct.sf(stats.t.ppf(0.975, 9), 9, shift)
    assert power == pytest.approx(0.8, abs=0.02)


def test_a_difference_is_as_wide_as_its_means_make_it_and_zero_is_left_to_the_t_test():
    generator = np.random.default_rng(0)
    widened = 0
    for center in (-3.0, 0.0, 3.0):
        for _ in range(40):
            skill = 1.5 * generator.normal(size=(5, 1))
            a, b = (
                generator.random((5, 40)) < expit(skill + at)
                for at in (center, generator.choice([center, 1]))
            )
            for estimate in (estimate_mean(a * 1.0 - b, "difference", (a, b)), estimate_difference(a, b)):
                if estimate.exact or estimate.n_collapsed:
                    continue
                reach = stats.t.ppf(0.975, estimate.freedom) * estimate.error
                low, high = estimate.interval()
                assert low <= max(-1, estimate.value - reach) + 1e-12
                assert high >= min(1, estimate.value + reach) - 1e-12
                assert (low > 0 or high < 0) == (estimate.p_value() < 0.05)
                widened += high - low > 2 * reach + 1e-9
    assert widened > 100


@pytest.mark.parametrize("seeds", [3, 4, 5])
def test_the_means_of_independent_seeds_are_joined_without_correlation(seeds):
    a = np.array([0.99, 0.97, 0.9, 0.98, 0.96])[:seeds, None]
    b = np.array([0.5, 0.55, 0.45, 0.48, 0.51])[:seeds, None]
    ours, (first, second) = estimate_difference(a, b), (estimate_mean(x, "proportion") for x in (a, b))
    z = stats.norm.ppf(0.975) if seeds == 5 else stats.t.ppf(0.975, 1.5 * (seeds - 1))
    (low_a, high_a), (low_b, high_b) = first.interval(critical=z), second.interval(critical=z)
    reach = stats.t.ppf(0.975, ours.freedom) * ours.error
    below = max(reach, np.hypot(first.value - low_a, high_b - second.value))
    above = max(reach, np.hypot(high_a - first.value, second.value - low_b))
    assert ours.interval() == pytest.approx((ours.value - below, ours.value + above))


@pytest.mark.parametrize("level", [0.95, 0.999])
@pytest.mark.parametrize(
    ("low_seed", "seeds", "wider"), [(0.93, 5, True), (0.6, 5, False), (0.93, 10, False)]
)
def test_few_seeds_that_look_alike_near_an_end_are_trusted_less(low_seed, seeds, wider, level):
    """Both means within 10 points of 1, and fewer than 10 seeds: Student's quantile by its share at 95%."""
    a = np.resize([0.99, 0.97, 0.98, 0.99, 0.96], seeds)[:, None]
    b = np.resize([low_seed, 0.95, 0.97, 0.96, 0.94], seeds)[:, None]
    ours, (first, second) = estimate_difference(a, b), (estimate_mean(x, "proportion") for x in (a, b))
    z = stats.norm.ppf((1 + level) / 2)
    if wider:
        z *= stats.t.ppf(0.975, seeds - 1) / stats.norm.ppf(0.975)
    (low_a, high_a), (low_b, high_b) = first.interval(critical=z), second.interval(critical=z)
    reach = stats.t.ppf((1 + level) / 2, ours.freedom) * ours.error
    below = max(reach, np.hypot(first.value - low_a, high_b - second.value))
    above = max(reach, np.hypot(high_a - first.value, second.value - low_b))
    low, high = ours.value - below, ours.value + above
    if ours.value - reach > 0 >= low:
        low = ours.value - reach  # whether 0 is excluded is the t test's to say
    assert ours.interval(level) == pytest.approx((low, min(1.0, high)))


def test_success_by_degrees_is_as_skewed_as_whether_it_succeeds():
    """Half a success at most: the mean is far from 1, yet the rare bad seed is as far below."""
    generator = np.random.default_rng(1)
    won = generator.random((6, 200)) < np.array([0.99, 0.98, 0.97, 0.99, 0.9, 0.98])[:, None]
    whole, half = (estimate_mean(won * worth, "proportion") for worth in (1.0, 0.5))
    assert half.skewness == pytest.approx(skewness_of_rates(won.mean(), won.mean(axis=1).var(ddof=1)))
    assert whole.skewness is None
    assert half.value - half.interval()[0] > 0.9 * (whole.value - whole.interval()[0]) / 2


def test_a_spread_that_many_seeds_tell_together_widens_nothing():
    a, b = np.array([[0.99], [0.97], [0.9]]), np.array([[0.5], [0.55], [0.45]])
    alone = estimate_difference(a, b)
    together = replace(alone, n_pooled=6)
    assert alone.interval()[0] < together.interval()[0]
    assert together.interval()[1] <= alone.interval()[1]
