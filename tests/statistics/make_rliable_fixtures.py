"""Make fixtures/rliable.json: rliable 1.2.0's numbers for scores that the tests compute too.

rliable needs pandas below 3, so it lives in an environment of its own:

    python3.11 -m venv /tmp/rliable && /tmp/rliable/bin/pip install 'rliable==1.2.0' 'pandas<3'
    /tmp/rliable/bin/python tests/statistics/make_rliable_fixtures.py [--speed]

``--speed`` only times rliable on the cases of test_bootstrap_benchmark.py.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from rliable import library, metrics

REPETITIONS = 20_000
METRICS = {
    "IQM": metrics.aggregate_iqm,
    "mean": metrics.aggregate_mean,
    "median": metrics.aggregate_median,
    "optimality gap": metrics.aggregate_optimality_gap,
}


def main() -> None:
    generator = np.random.default_rng(7)
    scores = {
        "a": np.round(generator.beta(6, 3, size=(10, 13)), 3),
        "b": np.round(generator.beta(4, 4, size=(10, 13)), 3),
        "skewed": np.round(generator.beta(12, 1, size=(5, 4)), 3),
    }
    out = {"scores": {name: array.tolist() for name, array in scores.items()}}

    for method in ("percentile", "bca"):
        out[method] = {name: {} for name in scores}
        for label, metric in METRICS.items():  # one at a time: arch centres the jackknife over all statistics
            points, intervals = library.get_interval_estimates(
                scores, metric, method=method, reps=REPETITIONS, random_state=np.random.RandomState(1)
            )
            for name in scores:
                out[method][name][label] = [float(points[name]), *intervals[name][:, 0].tolist()]
    thresholds = np.linspace(0, 1, 11)
    profiles, bands = library.create_performance_profile(scores, thresholds, reps=REPETITIONS)
    out["profiles"] = {
        name: {
            "mean": profiles[name].tolist(),
            "low": bands[name][0].tolist(),
            "high": bands[name][1].tolist(),
        }
        for name in scores
    }
    pair = {"a,b": (scores["a"], scores["b"])}
    point, interval = library.get_interval_estimates(pair, metrics.probability_of_improvement, reps=2_000)
    out["improvement"] = [float(point["a,b"]), *interval["a,b"][:, 0].tolist()]
    path = Path(__file__).parent / "fixtures" / "rliable.json"
    path.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


def speed() -> None:
    """Time the two cases that test_bootstrap_benchmark.py times for ours."""
    generator = np.random.default_rng(0)
    pair = {name: generator.random((10, 13)) for name in "ab"}
    curve = {"a": generator.random((10, 13, 50))}
    cases = {
        "two agents, IQM and mean": (pair, iqm_and_mean, 50_000),
        "a curve of 50 points": (curve, iqm_of_points, 2_000),
    }
    for name, (scores, statistic, repetitions) in cases.items():
        started = time.perf_counter()
        library.get_interval_estimates(scores, statistic, reps=repetitions)
        print(f"{name}: {time.perf_counter() - started:.2f} s")


def iqm_and_mean(scores: np.ndarray) -> np.ndarray:
    return np.array([metrics.aggregate_iqm(scores), metrics.aggregate_mean(scores)])


def iqm_of_points(scores: np.ndarray) -> np.ndarray:
    return np.array([metrics.aggregate_iqm(scores[..., point]) for point in range(scores.shape[-1])])


if __name__ == "__main__":
    speed() if "--speed" in sys.argv else main()
