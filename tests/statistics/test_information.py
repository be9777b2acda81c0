"""Information and calibration against hand-computed cases and scikit-style definitions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from glam_eval.statistics import (
    calibration,
    changed_actions,
    information,
    information_lost,
    value_calibration,
)
from glam_eval.statistics.information import expected_calibration_error


def _probes(policies, *, seed=0, frames=0, expected=0):
    """Probes of one update: one row of probabilities a prompt."""
    rows = [
        {"probe": f"p{prompt}", "action": f"a{action}", "probability": chance, "expected": action == expected}
        for prompt, chances in enumerate(policies)
        for action, chance in enumerate(chances)
    ]
    run = {
        "run_id": f"r{seed}",
        "agent": "gflan",
        "model": "m",
        "seed": seed,
        "frames": frames,
        "shift": "none",
    }
    return pd.DataFrame(rows).assign(**run)


def test_an_agent_that_stops_reading_loses_information_and_keeps_its_entropy():
    reading = _probes([[0.9, 0.1], [0.1, 0.9]], frames=0)
    deaf = _probes([[0.9, 0.1], [0.9, 0.1]], frames=100)
    table = information(pd.concat([reading, deaf])).set_index("frames")
    own = stats.entropy([0.9, 0.1])
    assert table["conditional_entropy"].tolist() == pytest.approx([own, own])
    assert table["entropy"].tolist() == pytest.approx([np.log(2), own])
    assert table["mutual_information"].tolist() == pytest.approx([np.log(2) - own, 0], abs=1e-12)
    assert table["n_prompts"].tolist() == [2, 2]


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), min_size=2, max_size=6))
def test_information_is_the_kullback_leibler_divergence_from_the_mean_policy(weights):
    policies = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    table = information(_probes(policies)).iloc[0]
    expected = np.mean([stats.entropy(policy, policies.mean(axis=0)) for policy in policies])
    assert table["mutual_information"] == pytest.approx(expected, abs=1e-9)
    assert table["conditional_entropy"] <= table["entropy"] + 1e-12


def test_actions_that_a_prompt_does_not_offer_and_other_words_count_nothing():
    fewer = _probes([[0.5, 0.5], [1.0, 0.0]])
    offered = fewer[fewer["probability"] > 0]
    shifted = _probes([[0.2, 0.8], [0.3, 0.7]]).assign(shift="none@fr")
    ours, expected = information(pd.concat([offered, shifted])), information(fewer)
    pd.testing.assert_frame_equal(ours, expected)


def test_likeliest_actions_that_change_are_counted_from_moment_to_moment():
    moments = [
        _probes([[0.9, 0.1], [0.6, 0.4]], frames=0),
        _probes([[0.8, 0.2], [0.3, 0.7]], frames=100),
        _probes([[0.8, 0.2], [0.3, 0.7]], frames=200),
        _probes([[0.1, 0.9], [0.7, 0.3]], frames=300),
    ]
    other = [_probes([[0.2, 0.8], [0.2, 0.8]], seed=1, frames=frames) for frames in (0, 100)]
    table = changed_actions(pd.concat([*reversed(moments), *other]))
    assert table.set_index(["seed", "frames"])["changed"].to_dict() == {
        (0, 100): 0.5, (0, 200): 0.0, (0, 300): 1.0, (1, 100): 0.0,
    }  # fmt: skip
    assert set(table["n_prompts"]) == {2}


def _training(falls, seeds=4, updates=20):
    """Updates of seeds whose information falls by so much after the middle, with success as it was."""
    rows = [
        {
            "run_id": f"r{seed}", "agent": "gflan", "model": "t5-nano", "seed": seed, "frames": update * 10,
            "information": 1.0 - falls[seed] * (update > 0.6 * updates),
            "success_rate": np.nan if update == 1 else 0.5 + 0.1 * seed,
        }
        for seed in range(seeds)
        for update in range(1, updates + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_information_lost_is_the_last_fifth_less_the_middle_one_seed_by_seed():
    (row,) = information_lost(_training([0.5, 0.6, 0.7, 0.8])).to_dict("records")
    assert row["change"] == pytest.approx(-0.65) and row["information"] == pytest.approx(0.35)
    half = stats.t.ppf(0.975, 3) * np.std([0.5, 0.6, 0.7, 0.8], ddof=1) / 2
    assert (row["low"], row["high"]) == pytest.approx((-0.65 - half, -0.65 + half))
    assert row["success_change"] == pytest.approx(0) and row["n_seeds"] == 4
    alone = _training([0.5], seeds=1)
    assert information_lost(alone).empty


def test_confidence_that_is_right_so_often_is_calibrated():
    claims = np.repeat([0.6, 0.9], 10)
    right = np.r_[np.repeat([1.0, 0.0], [6, 4]), np.repeat([1.0, 0.0], [9, 1])]
    assert expected_calibration_error(claims, right, bins=2) == pytest.approx(0)
    assert expected_calibration_error(claims, np.ones(20), bins=2) == pytest.approx(0.25)
    parts = [_probes([[0.7, 0.3], [0.8, 0.2], [0.4, 0.6]], seed=seed, frames=9) for seed in range(3)]
    early = _probes([[0.0, 1.0]], frames=0)
    table = calibration(pd.concat([*parts, early])).iloc[0]
    assert table["confidence"] == pytest.approx(0.7)
    assert table["accuracy"] == pytest.approx(2 / 3)
    assert table["error"] == pytest.approx((0.3 + 0.2 + 0.6) / 3)  # as many bins as answers
    assert table["n_seeds"] == 3


def test_the_critics_values_are_held_against_the_returns():
    generator = np.random.default_rng(0)
    value = generator.random(600)
    rows = pd.DataFrame({"value": value, "discounted_return": value + 0.2, "seed": np.arange(600) % 3})
    rows = rows.assign(agent="gflan", model="m")
    deaf = rows.assign(agent="random", value=np.nan)
    table = value_calibration(pd.concat([rows, deaf]))
    assert table["agent"].tolist() == ["gflan"]
    assert table["error"].iloc[0] == pytest.approx(0.2)
    assert table["discounted_return"].iloc[0] - table["value"].iloc[0] == pytest.approx(0.2)
