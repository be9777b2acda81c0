"""Simulations behind the choice of the default interval, band and test; see ``inference.intervals``."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from glam_eval.statistics import compare
from glam_eval.statistics.curves import critical_value
from glam_eval.statistics.inference.bootstrap import (
    bootstrap_interval,
    bootstrap_runs,
    crossed_bootstrap,
)
from glam_eval.statistics.inference.intervals import estimate_difference, estimate_mean
from glam_eval.statistics.inference.metrics import mean

SPREADS = [(0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)]  # of seeds and of scenes, in logits


@cache
def _center(proportion, spread):
    """The logit at which a normal spread of logits has the mean proportion."""
    draws, low, high = spread * stats.norm.ppf(np.linspace(0.0005, 0.9995, 1000)), -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(middle + draws).mean() < proportion else (low, middle)
    return middle


def _values(generator, proportion, seeds, spreads, scenes=100):
    logits = _center(proportion, np.hypot(*spreads)) + spreads[0] * generator.normal(size=(seeds, 1))
    return (
        generator.random((seeds, scenes)) < expit(logits + spreads[1] * generator.normal(size=scenes))
    ) * 1.0


def _covers(interval, truth):
    return interval[0] <= truth <= interval[1]


@pytest.mark.parametrize("proportion", [0.5, 0.95])
def test_the_default_covers_at_five_seeds(proportion):
    generator = np.random.default_rng(0)
    samples = (_values(generator, proportion, 5, (0.3, 1.0)) for _ in range(600))
    covered = np.mean([_covers(estimate_mean(v, "proportion").interval(), proportion) for v in samples])
    assert 0.92 < covered < 0.98


@pytest.mark.slow
@pytest.mark.parametrize("spreads", SPREADS)
@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("proportion", [0.5, 0.95])
def test_the_default_covers_93_to_97_percent(proportion, seeds, spreads):
    generator = np.random.default_rng(1)
    samples = (_values(generator, proportion, seeds, spreads) for _ in range(5_000))
    covered = np.mean([_covers(estimate_mean(v, "proportion").interval(), proportion) for v in samples])
    assert 0.93 <= covered <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_differences_cover_93_to_97_percent(seeds):
    generator, paired, independent = np.random.default_rng(2), [], []
    for _ in range(3_000):
        difficulty = generator.normal(size=100)
        skill = 0.4 * generator.normal(size=(3, seeds, 1))
        a, b, c = generator.random((3, seeds, 100)) < expit(skill + difficulty)
        shifted = generator.random((seeds, 100)) < expit(skill[0] + difficulty)
        paired.append(_covers(estimate_mean(a * 1.0 - shifted, "difference").interval(), 0))
        independent.append(_covers(estimate_difference(b, c).interval(), 0))
    assert 0.93 <= np.mean(paired) <= 0.97
    assert 0.93 <= np.mean(independent) <= 0.97


@pytest.mark.slow
def test_what_fails_and_where():
    """Bootstraps over 5 seeds, Student's t near 0.95, seeds alone when scenes differ: all below 93%."""
    generator = np.random.default_rng(3)

    def coverage(interval_of, proportion, seeds, spreads, repetitions=1_000):
        samples = (_values(generator, proportion, seeds, spreads) for _ in range(repetitions))
        return np.mean([_covers(interval_of(values), proportion) for values in samples])

    def percentile(values, method="percentile"):
        (draws,) = bootstrap_runs(values.mean(axis=1)[:, None], [mean], 400, generator)
        return bootstrap_interval(draws, method, runs=len(values))

    def student(values):
        return estimate_mean(values.mean(axis=1, keepdims=True)).interval()

    assert coverage(percentile, 0.5, 5, (0.3, 0)) < 0.88
    assert coverage(percentile, 0.5, 20, (0.3, 0)) > 0.91
    assert 0.88 < coverage(lambda v: percentile(v, "expanded"), 0.5, 5, (0.3, 0)) < 0.94
    assert coverage(student, 0.95, 5, (0.8, 0)) < 0.92
    assert coverage(student, 0.5, 20, (0, 1.0)) < 0.75
    hierarchical = coverage(
        lambda v: bootstrap_interval(crossed_bootstrap(v, 400, generator)), 0.5, 5, (0.3, 1.0)
    )
    assert hierarchical > coverage(percentile, 0.5, 5, (0.3, 1.0)) + 0.08


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_bands_cover_whole_curves(seeds):
    """Curves are random walks on top of a level of the seed's own."""
    generator, covered = np.random.default_rng(seeds), []
    for _ in range(300):
        walks = generator.normal(size=(seeds, 20)).cumsum(axis=1) / np.sqrt(20)
        curves = walks + generator.normal(size=(seeds, 1))
        largest = np.abs(curves.mean(axis=0) / stats.sem(curves, axis=0)).max()
        covered.append(largest <= critical_value(curves, generator))
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.slow
def test_a_family_without_differences_is_rarely_wrong(episodes_of):
    """Two agents, five shifts, nothing differs: at most 5% of each family's studies claim something."""
    generator, claims = np.random.default_rng(4), {"shifts": [], "agents": []}
    for _ in range(150):
        difficulty = generator.normal(size=60)
        parts = []
        for agent in "ab":
            skill = 0.4 * generator.normal(size=(5, 1))
            for shift in ("none", "v", "w", "x", "y", "z"):
                success = generator.random((5, 60)) < expit(skill + difficulty)
                parts.append(episodes_of(success * 1.0, agent=agent, shift=shift))
        table = compare(pd.concat(parts), generator)
        for _, family in table[table["family"] != ""].groupby("family"):
            claims[family["family"].iloc[0].split()[2]].append((family["p_adjusted"] < 0.05).any())
    for kind, claimed in claims.items():
        allowed = stats.binom.ppf(0.999, len(claimed), 0.05) / len(claimed)
        assert np.mean(claimed) <= allowed, kind
