import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from glam_eval.statistics.inference.bootstrap import (
    bootstrap_interval,
    bootstrap_runs,
    crossed_bootstrap,
    jackknife_runs,
)
from glam_eval.statistics.inference.metrics import (
    METRICS,
    exceedances,
    interquartile_mean,
    mean,
    performance_profile,
    probability_of_improvement,
)

RLIABLE = json.loads((Path(__file__).parent / "fixtures" / "rliable.json").read_text(encoding="utf-8"))
SCORES = {name: np.array(values) for name, values in RLIABLE["scores"].items()}
MONTE_CARLO = 0.004  # of an interval's end, with 20,000 repetitions on each side


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize("name", sorted(SCORES))
def test_aggregates_and_intervals_are_rliables(name, method, generator):
    scores = SCORES[name]
    draws = bootstrap_runs(scores, list(METRICS.values()), 20_000, generator, within_tasks=True)
    for (label, metric), distribution in zip(METRICS.items(), draws, strict=True):
        estimate, low, high = RLIABLE[method][name][label]
        assert metric(scores) == pytest.approx(estimate)
        jackknife = jackknife_runs(scores, metric)
        ours = bootstrap_interval(distribution, method, estimate=estimate, jackknife=jackknife)
        # BCa takes the median's ends, whose bias is large, from quantiles near 1e-5, which are noisy
        noise = 4 * MONTE_CARLO if (method, label) == ("bca", "median") else MONTE_CARLO
        assert ours == pytest.approx((low, high), abs=noise), label


@pytest.mark.parametrize("name", sorted(SCORES))
def test_performance_profiles_are_rliables(name, generator):
    expected, thresholds = RLIABLE["profiles"][name], np.linspace(0, 1, 11)
    assert performance_profile(SCORES[name], thresholds) == pytest.approx(expected["mean"])
    (draws,) = bootstrap_runs(
        exceedances(SCORES[name], thresholds), [mean], 20_000, generator, within_tasks=True
    )
    low, high = bootstrap_interval(draws)
    step = 1.01 / SCORES[name].size  # profiles move in steps of one score
    assert low == pytest.approx(expected["low"], abs=step)
    assert high == pytest.approx(expected["high"], abs=step)


def test_probability_of_improvement_is_rliables():
    assert probability_of_improvement(SCORES["a"], SCORES["b"]) == pytest.approx(RLIABLE["improvement"][0])


def test_the_bootstrap_of_a_mean_is_scipys(generator):
    sample = SCORES["a"][:, :1]
    (draws,) = bootstrap_runs(sample, [mean], 50_000, generator)
    for method in ("percentile", "bca"):
        expected = stats.bootstrap((sample[:, 0],), np.mean, n_resamples=50_000, method=method, rng=1)
        ours = bootstrap_interval(
            draws, method, estimate=mean(sample), jackknife=jackknife_runs(sample, mean)
        )
        assert ours == pytest.approx(tuple(expected.confidence_interval), abs=0.002)


def test_draws_stay_within_their_task(generator):
    scores = np.arange(4) * 10.0 + np.zeros((5, 1))  # tasks differ, runs don't: every resample is the sample
    for within_tasks in (False, True):
        draws = bootstrap_runs(scores, [mean, interquartile_mean], 500, generator, within_tasks=within_tasks)
        assert (draws[0] == 15).all()
        assert np.ptp(draws[1]) == 0


def test_a_run_is_redrawn_with_all_of_its_tasks(generator):
    scores = np.arange(5.0)[:, None] + np.zeros(6)  # a good seed is good at everything
    whole, apart = (
        bootstrap_runs(scores, [mean], 20_000, generator, within_tasks=within)[0] for within in (False, True)
    )
    assert set(np.round(5 * whole).astype(int)) <= set(range(21))  # sums of five whole numbers
    assert whole.var() == pytest.approx(scores[:, 0].var() / 5, rel=0.05)
    assert apart.var() == pytest.approx(scores[:, 0].var() / 5 / 6, rel=0.05)


def test_leading_dimensions_share_their_draws(generator):
    scores = np.stack([SCORES["a"], SCORES["a"] + 0.1])
    (draws,) = bootstrap_runs(scores, [mean], 300, generator)
    assert draws.shape == (300, 2)
    assert draws[:, 1] - draws[:, 0] == pytest.approx(np.full(300, 0.1))


def test_blocks_cover_all_repetitions_and_seeds_decide(generator):
    large = generator.random((10, 13, 50)).transpose(2, 0, 1)
    (first,) = bootstrap_runs(large, [interquartile_mean], 101, np.random.default_rng(1))
    (second,) = bootstrap_runs(large, [interquartile_mean], 101, np.random.default_rng(1))
    assert first.shape == (101, 50)
    assert (first == second).all()
    assert len(np.unique(first[:, 0])) == 101


def test_the_expanded_interval_is_as_wide_as_students_t(generator):
    normal = generator.standard_normal(200_000)
    low, high = bootstrap_interval(normal, "expanded", runs=5)
    assert (low, high) == pytest.approx(np.sqrt(5 / 4) * np.array(stats.t.interval(0.95, 4)), abs=0.15)
    assert np.isnan(bootstrap_interval(normal, "expanded", runs=1)).all()


def test_the_crossed_bootstrap_varies_seeds_and_scenes(generator):
    values = (
        np.random.default_rng(0).normal(size=(6, 80)) + np.linspace(0, 2, 6)[:, None] + np.linspace(0, 3, 80)
    )
    draws = crossed_bootstrap(values, 40_000, generator)
    assert draws.mean() == pytest.approx(values.mean(), abs=0.01)
    seeds, scenes = values.mean(axis=1).var() / 6, values.mean(axis=0).var() / 80
    rest = (
        values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    ).var() / values.size
    assert draws.var() == pytest.approx(
        seeds + scenes + rest, rel=0.05
    )  # Owen 2007, theorem 2, in expectation


def test_a_constant_has_a_point_for_an_interval(generator):
    scores = np.ones((5, 3))
    (draws,) = bootstrap_runs(scores, [mean], 200, generator)
    for method in ("percentile", "bca", "expanded"):
        ends = bootstrap_interval(draws, method, runs=5, estimate=1.0, jackknife=jackknife_runs(scores, mean))
        assert ends == pytest.approx((1, 1)), method


def test_bca_without_jackknife_is_a_mistake():
    with pytest.raises(ValueError, match="needs jackknife"):
        bootstrap_interval(np.arange(10.0), "bca", estimate=5)
