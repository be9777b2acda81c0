"""Make fixtures/rliable.json: rliable 1.2.0's numbers for scores that the tests compute too.

rliable needs pandas below 3, so it lives in an environment of its own:

    python3.11 -m venv /tmp/rliable && /tmp/rliable/bin/pip install 'rliable==1.2.0' 'pandas<3'
    /tmp/rliable/bin/python tests/statistics/make_rliable_fixtures.py [--speed .venv/bin/python]

``--speed`` times rliable on the cases of test_bootstrap_benchmark.py instead, and beside each of them ours,
with runs redrawn as rliable does, by the Python that is named.
"""

import json
import subprocess
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


OURS = """
import time
import numpy as np
from glam_eval.statistics.inference.bootstrap import bootstrap_interval, bootstrap_runs
from glam_eval.statistics.inference.metrics import interquartile_mean, mean
generator, known = np.random.default_rng(0), {"IQM": interquartile_mean, "mean": mean}
scores, metrics = generator.random(SHAPE), [known[name] for name in NAMES]
bootstrap_runs(scores, metrics, 10, generator)
started = time.perf_counter()
bootstrap_interval(bootstrap_runs(scores, metrics, REPETITIONS, generator, within_tasks=True).swapaxes(0, 1))
print(time.perf_counter() - started)
"""


def speed(ours: str) -> None:
    """Time rliable and ours, one after the other, on the two cases of test_bootstrap_benchmark.py."""
    generator = np.random.default_rng(0)
    pair = {name: generator.random((10, 13)) for name in "ab"}
    curve = {"a": generator.random((10, 13, 50))}
    cases = {
        "two agents, IQM and mean": (pair, iqm_and_mean, 50_000, (2, 10, 13), ["IQM", "mean"]),
        "a curve of 50 points": (curve, iqm_of_points, 2_000, (50, 10, 13), ["IQM"]),
    }
    for name, (scores, statistic, repetitions, shape, names) in cases.items():
        started = time.perf_counter()
        library.get_interval_estimates(scores, statistic, reps=repetitions)
        theirs = time.perf_counter() - started
        told = {"SHAPE": shape, "NAMES": names, "REPETITIONS": repetitions}
        given = "".join(f"{key} = {value!r}\n" for key, value in told.items())
        run = subprocess.run([ours, "-c", given + OURS], capture_output=True, text=True, check=True)
        mine = float(run.stdout)
        times = f"rliable {theirs:.1f} s, ours {mine:.3f} s, {theirs / mine:.0f} times"
        print(f"{name}, {repetitions:,} repetitions: {times}")


def iqm_and_mean(scores: np.ndarray) -> np.ndarray:
    return np.array([metrics.aggregate_iqm(scores), metrics.aggregate_mean(scores)])


def iqm_of_points(scores: np.ndarray) -> np.ndarray:
    return np.array([metrics.aggregate_iqm(scores[..., point]) for point in range(scores.shape[-1])])


if __name__ == "__main__":
    speed(sys.argv[2]) if "--speed" in sys.argv else main()
