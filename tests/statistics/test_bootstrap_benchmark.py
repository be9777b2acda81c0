"""The two cases that make_rliable_fixtures.py --speed times for rliable: pytest --benchmark-only."""

import numpy as np
import pytest

from glam_eval.statistics.inference.bootstrap import bootstrap_runs
from glam_eval.statistics.inference.metrics import interquartile_mean, mean


@pytest.mark.parametrize(
    ("shape", "metrics", "repetitions"),
    [((2, 10, 13), [interquartile_mean, mean], 50_000), ((50, 10, 13), [interquartile_mean], 2_000)],
    ids=["two agents, IQM and mean", "a curve of 50 points"],
)
def test_bootstrap_runs(benchmark, shape, metrics, repetitions):
    scores = np.random.default_rng(0).random(shape)
    generator = np.random.default_rng(1)
    draws = benchmark(bootstrap_runs, scores, metrics, repetitions, generator)
    assert draws.shape == (len(metrics), repetitions, shape[0])
