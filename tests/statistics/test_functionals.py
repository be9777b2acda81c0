"""Aggregates with seeds whole: against a plain mean, the jackknife by hand, rank tests and simulation."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from glam_eval.statistics.inference.bootstrap import bootstrap_interval, bootstrap_runs
from glam_eval.statistics.inference.functionals import estimate_aggregate, estimate_improvement
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import METRICS, interquartile_mean, mean, median, optimality_gap


def _study(generator, seeds, tasks=5, scenes=60, seed_spread=0.8):
    """Values (seeds, scenes, tasks): a seed's skill and a scene's difficulty are shared by all tasks."""
    skill = seed_spread * generator.normal(size=(seeds, 1, 1)) + generator.normal(size=(1, scenes, 1))
    return (generator.random((seeds, scenes, tasks)) < expit(skill + np.linspace(-1, 2, tasks))) * 1.0


def test_the_mean_over_tasks_is_the_mean_of_the_seeds_means():
    values = _study(np.random.default_rng(0), 6)
    expected = estimate_mean(values.mean(axis=2), "proportion")
    ours = estimate_aggregate(values, mean)
    assert (ours.value, ours.error, ours.freedom) == pytest.approx(
        (expected.value, expected.error, expected.freedom)
    )
    assert ours.interval() == pytest.approx(expected.interval())
    gap = estimate_aggregate(values, optimality_gap)
    assert gap.interval() == pytest.approx(tuple(1 - end for end in reversed(ours.interval())))


def test_without_scenes_the_variance_is_the_jackknifes_over_whole_seeds():
    scores = np.random.default_rng(1).random((5, 7))
    estimate = estimate_aggregate(scores[:, None, :], interquartile_mean)
    left_out = [float(stats.trim_mean(np.delete(scores, seed, axis=0).ravel(), 0.25)) for seed in range(5)]
    # (n + 1) / (n - 1) of the jackknife's variance: with that alone the IQM of 5 seeds is covered 91%.
    expected = np.sqrt(6 / 4 * 4 / 5 * ((left_out - np.mean(left_out)) ** 2).sum())
    assert estimate.error == pytest.approx(expected)
    assert estimate.freedom == 4


@pytest.mark.parametrize(("first", "second"), [(4, 6), (8, 8)])
def test_improvement_is_brunner_and_munzels(first, second):
    generator = np.random.default_rng(2)
    a, b = generator.normal(0.4, 1, first), generator.normal(0, 1.5, second)
    estimate = estimate_improvement(a[:, None], b[:, None])
    test = stats.brunnermunzel(b, a)  # SciPy's statistic is of the second sample being larger
    assert abs(estimate.value - 0.5) / estimate.error == pytest.approx(abs(test.statistic))
    p_value = 2 * stats.t.sf(abs(test.statistic), estimate.freedom)
    assert p_value == pytest.approx(test.pvalue)


def test_seeds_that_all_win_exclude_one_half_when_the_permutation_test_does():
    for seeds, excluded in ((3, False), (4, True), (5, True)):
        low, high = estimate_improvement(np.ones((seeds, 1)), np.zeros((seeds, 1))).interval()
        smallest = stats.permutation_test(
            (np.ones(seeds), np.zeros(seeds)), lambda x, y: x.mean() - y.mean()
        ).pvalue
        assert (low > 0.5) == excluded == (smallest < 0.05)
        assert high == 1


def test_whole_seeds_cover_where_seeds_within_tasks_do_not():
    """One seed plays all tasks: redrawn within tasks, seeds look like five times as many."""
    generator, covered = np.random.default_rng(3), {"whole": [], "within tasks": []}
    truth = _study(np.random.default_rng(4), 4000).mean()
    for _ in range(200):
        values = _study(generator, 5)
        low, high = estimate_aggregate(values, mean).interval()
        covered["whole"].append(low <= truth <= high)
        (draws,) = bootstrap_runs(values.mean(axis=1), [mean], 300, generator, within_tasks=True)
        low, high = bootstrap_interval(draws, "expanded", runs=5)
        covered["within tasks"].append(low <= truth <= high)
    assert 0.9 <= np.mean(covered["whole"]) <= 0.99
    assert np.mean(covered["within tasks"]) < 0.85


def test_a_collapsed_seed_or_one_that_missed_a_task_has_no_interval():
    values = np.where(
        np.arange(6)[:, None, None] == 0, 0.0, np.random.default_rng(0).random((6, 40, 3)) < 0.9
    )
    values[:, 0] = 1.0
    for metric in METRICS.values():
        assert np.isnan(estimate_aggregate(values, metric).interval()).all()
        assert np.isfinite(estimate_aggregate(values, metric).value)
    values[1, :, 2] = np.nan
    assert np.isnan(estimate_aggregate(values, mean).value)


def test_an_aggregate_at_its_end_has_the_exact_bound():
    """Most scores are 1, so the median is: what varies is left out, and 100 scenes bound the rest."""
    values = np.ones((3, 100, 5))
    values[0, :3, 0] = 0
    estimate = estimate_aggregate(values, median)
    assert estimate.value == 1
    assert estimate.interval() == pytest.approx((0.025 ** (1 / 100), 1))
