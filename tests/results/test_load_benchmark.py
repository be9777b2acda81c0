"""Five million episodes, loaded and averaged within seeds: pytest -m slow --benchmark-only, run alone."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import glam_eval
from glam_eval.statistics.cells import tabulate

AGENTS, SEEDS, SHIFTS, SCENES = 39, 10, 13, 1000
KEYS = ["agent", "model", "shift"]
COLUMNS = [*KEYS, "seed", "scene_seed", "success"]


@pytest.fixture(scope="module", params=["a file a run", "compacted"])
def study(request, tmp_path_factory):
    """Every declared column."""
    out = tmp_path_factory.mktemp("study")
    (out / "episodes").mkdir()
    generator = np.random.default_rng(0)
    rows = SHIFTS * SCENES
    moves = np.array([f"{value:032x}" for value in generator.integers(0, 2**60, 1000)])
    fixed = {
        "run_id": "", "agent": "", "model": "t5-nano", "seed": 0, "frames": 100_000,
        "protocol": "generalization", "shift": np.repeat([f"shift{i}" for i in range(SHIFTS)], SCENES),
        "language": "en", "level": "MixedTrainLocal", "task": "goto",
        "scene_seed": np.tile(np.arange(SCENES) + 2**31, SHIFTS), "mission": "go to the red ball",
    }  # fmt: skip
    for agent in range(AGENTS):
        for seed in range(SEEDS):
            drawn = {
                "success": generator.random(rows) < 0.5, "return": generator.random(rows),
                "length": generator.integers(0, 64, rows), "bot_length": 5,
                "actions": moves[generator.integers(0, len(moves), rows)], "steps_blocked": 1,
                "cells_visited": 3, "wrong_object": False, "wrong_order": False,
            }  # fmt: skip
            frame = pd.DataFrame({**fixed, **drawn})
            frame = frame.assign(run_id=f"run-{agent}-{seed}", agent=f"agent{agent}", seed=seed)
            frame.to_parquet(out / "episodes" / f"{agent}-{seed}.parquet", compression="zstd", index=False)
    if request.param == "compacted":
        # in a process of its own: what this one needed at its peak would be counted as its children's
        subprocess.run([sys.executable, "-m", "glam_eval", "compact", out], check=True, capture_output=True)
    return out


def load_and_aggregate(out):
    return tabulate(glam_eval.load_results(out, columns=COLUMNS), KEYS)


@pytest.mark.slow
def test_five_million_episodes(benchmark, study):
    cells = benchmark.pedantic(load_and_aggregate, args=(study,), rounds=3, warmup_rounds=1)
    assert cells.values.shape == (AGENTS * SHIFTS, SEEDS, SCENES)


@pytest.mark.slow
def test_five_million_episodes_fit_in_two_gigabytes(study):
    script = (
        f"import sys; sys.path.insert(0, {str(__file__).rsplit('/', 1)[0]!r})\n"
        "import resource\n"
        "from test_load_benchmark import load_and_aggregate\n"
        f"load_and_aggregate({str(study)!r})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 2e9
