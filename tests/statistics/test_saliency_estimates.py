"""What leaving parts of prompts out changes: means over seeds and situations, changes paired by both."""

import numpy as np
import pandas as pd
import pytest

from glam_eval.statistics import saliency, saliency_changes


def rows_of(agent, moved, seeds=5, situations=40, rng=0):
    """Rows of an agent; ``moved`` is the mean distance by part and frames."""
    draws = np.random.default_rng(rng)
    return pd.DataFrame(
        {
            "run_id": f"{agent}-{seed}",
            "agent": agent,
            "model": "m",
            "seed": seed,
            "frames": frames,
            "part": part,
            "scene_seed": situation,
            "distance": mean + 0.1 * mean * draws.normal(),
            "kl": 2 * mean,
        }
        for seed in range(seeds)
        for (part, frames), mean in moved.items()
        for situation in range(situations)
    )


ROWS = pd.concat(
    [
        rows_of("reads", {("goal", 0): 0.1, ("goal", 9): 0.4, ("now", 0): 0.3, ("now", 9): 0.3}),
        rows_of("ignores", {("goal", 0): 0.0, ("goal", 9): 0.0}),
    ],
    ignore_index=True,
)


def test_means_and_their_intervals():
    table = saliency(ROWS).set_index(["agent", "part", "moment"])
    for (agent, part, moment), row in table.iterrows():
        own = ROWS[(ROWS["agent"] == agent) & (ROWS["part"] == part)]
        own = own[(own["frames"] > 0) == (moment == "after training")]
        assert row["mean"] == pytest.approx(own["distance"].mean())
        assert row["kl"] == pytest.approx(own["kl"].mean())
        assert row["low"] <= row["mean"] <= row["high"]
    assert table.loc[("ignores", "goal", "after training"), "mean"] == 0


def test_changes_are_those_of_training():
    found = saliency_changes(ROWS, np.random.default_rng(0)).set_index(["a", "part"])
    assert found.loc[("reads/m", "goal"), "verdict"] == "higher"
    assert found.loc[("reads/m", "goal"), "estimate"] == pytest.approx(0.3, abs=0.02)
    assert found.loc[("reads/m", "now"), "verdict"] not in ("higher", "lower")
    assert found.loc[("ignores/m", "goal"), "estimate"] == 0


def test_an_infinite_divergence_is_told_as_one():
    rows = ROWS.assign(kl=np.where((ROWS["agent"] == "reads") & (ROWS["frames"] > 0), np.inf, ROWS["kl"]))
    table = saliency(rows).set_index(["agent", "part", "moment"])
    assert table.loc[("reads", "goal", "after training"), "kl"] == np.inf
    assert np.isfinite(table["mean"]).all()


def test_an_agent_asked_once_has_no_change():
    assert saliency_changes(ROWS[ROWS["frames"] == 0], np.random.default_rng(0)).empty
