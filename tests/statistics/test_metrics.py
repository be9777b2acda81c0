import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from glam_eval.statistics.inference import metrics

SCORES = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 7)), elements=st.floats(0, 1))


def test_hand_computed():
    scores = np.array([[0.0, 0.8], [0.2, 1.0], [0.4, 0.6], [0.6, 0.4]])
    assert metrics.mean(scores) == pytest.approx(0.5)
    assert metrics.median(scores) == pytest.approx((0.3 + 0.7) / 2)
    assert metrics.interquartile_mean(scores) == pytest.approx(
        (0.4 + 0.4 + 0.6 + 0.6) / 4
    )  # 0 .2 | .. | .8 1
    assert metrics.optimality_gap(scores, goal=0.5) == pytest.approx(0.5 - (0 + 0.2 + 0.4 * 2 + 0.5 * 4) / 8)
    assert metrics.performance_profile(scores, [0.0, 0.4, 1.0]) == pytest.approx([7 / 8, 4 / 8, 0])


@given(SCORES)
def test_interquartile_mean_is_scipys_trimmed_mean(scores):
    assert metrics.interquartile_mean(scores) == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))


@given(SCORES, st.integers(0, 2**32 - 1))
def test_batches_equal_single_calls(scores, seed):
    batch = np.stack([scores, np.random.default_rng(seed).random(scores.shape)])
    for metric in metrics.METRICS.values():
        assert metric(batch) == pytest.approx([float(metric(one)) for one in batch])


@given(SCORES, SCORES)
def test_probability_of_improvement_is_mann_whitneys(a, b):
    tasks = min(a.shape[1], b.shape[1])
    a, b = a[:, :tasks], b[:, :tasks]
    expected = np.mean(
        [stats.mannwhitneyu(a[:, t], b[:, t]).statistic / (len(a) * len(b)) for t in range(tasks)]
    )
    assert metrics.probability_of_improvement(a, b) == pytest.approx(expected)
    assert metrics.probability_of_improvement(b, a) == pytest.approx(1 - expected)


def test_missing_scores_are_never_averaged_away():
    scores = np.linspace(0, 1, 40).reshape(10, 4)
    scores[3, 1] = np.nan
    for name, metric in metrics.METRICS.items():
        assert np.isnan(metric(scores)), name
