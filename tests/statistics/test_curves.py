import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glam_eval.core.errors import UserError
from glam_eval.statistics import areas, curve_episodes, learning_curves
from glam_eval.statistics.curves import area_weights, critical_value, settled_updates
from glam_eval.statistics.inference.intervals import estimate_mean


def test_points_are_the_seeds_means_with_their_intervals(study, generator):
    table = learning_curves(curve_episodes(study), generator)
    assert list(table.columns[:3]) == ["agent", "model", "frames"]
    row = table.query("model == 't5-nano' and frames == 50000").iloc[0]
    rows = study.query("protocol == 'sample-efficiency' and model == 't5-nano' and frames == 50000")
    values = rows.pivot(index="seed", columns="scene_seed", values="success").to_numpy(dtype=float)
    estimate = estimate_mean(values, "proportion")
    assert row["mean"] == pytest.approx(values.mean())
    assert (row["low"], row["high"]) == pytest.approx(estimate.interval())
    assert (table["band_low"] <= table["low"]).all()
    assert (table["band_high"] >= table["high"]).all()
    assert table.query("agent == 'random'")["frames"].tolist() == [0]


def test_curves_come_from_the_protocol_with_several_checkpoints(study):
    assert set(curve_episodes(study)["protocol"]) == {"sample-efficiency"}
    assert curve_episodes(study[study["protocol"] == "generalization"]).empty


def test_training_updates_make_curves_too(generator):
    updates = pd.DataFrame(
        [("a", "m", seed, frames, 0.1 * seed + frames / 100) for seed in (1, 2, 3) for frames in (10, 20)],
        columns=["agent", "model", "seed", "frames", "success_rate"],
    ).assign(run_id=lambda f: "r" + f["seed"].astype(str))
    table = learning_curves(updates, generator)
    assert table["mean"].tolist() == pytest.approx([0.3, 0.4])
    assert table["n_seeds"].tolist() == [3, 3]


def test_unequal_curves_state_their_seeds_and_have_no_band_there(study, generator):
    shorter = study.query("not (model == 't5-nano' and seed == 4 and frames > 50000)")
    table = (
        learning_curves(curve_episodes(shorter), generator).query("model == 't5-nano'").set_index("frames")
    )
    assert table["n_seeds"].to_dict() == {0: 5, 25_000: 5, 50_000: 5, 75_000: 4, 100_000: 4}
    assert table["band_low"].isna().tolist() == [False, False, False, True, True]
    assert table["low"].notna().all()


def test_one_seed_has_a_curve_without_interval(studies, generator):
    table = learning_curves(curve_episodes(studies(seeds=1)), generator)
    assert table["mean"].notna().all()
    assert table[["low", "high", "band_low", "band_high"]].isna().all(axis=None)


def test_the_critical_value_of_one_point_is_students_and_of_many_is_larger(generator):
    curves = np.random.default_rng(1).normal(size=(8, 30))
    single = stats.t.ppf(0.975, 7)
    assert critical_value(curves[:, :1], generator) == pytest.approx(single, rel=0.03)
    bonferroni = stats.t.ppf(1 - 0.025 / 30, 7)
    assert single * 1.3 < critical_value(curves, generator) < bonferroni
    same = np.repeat(curves[:, :1], 30, axis=1)  # points that move together are nearly one point
    assert critical_value(same, generator) < 0.9 * critical_value(curves, generator)
    assert np.isnan(critical_value(curves[:1], generator))


def test_areas_are_the_trapezoid_rules(study):
    cells, budget = areas(curve_episodes(study))
    assert budget == 100_000
    rows = study.query("protocol == 'sample-efficiency' and model == 't5-pico'")
    curves = rows.pivot_table(index="seed", columns="frames", values="success")
    expected = np.trapezoid(curves.to_numpy(), curves.columns.to_numpy(), axis=1) / 100_000
    row = cells.conditions.query("model == 't5-pico'").index[0]
    assert cells.seed_means()[row] == pytest.approx(expected)


def test_a_budget_between_points_is_interpolated():
    weights = area_weights(np.array([0, 10, 30]), 20)
    # heights 0, 1, 2 at 0, 10, 30: at 20 the curve is 1.5 high, the area 5 + 12.5
    assert weights @ np.array([0, 1, 2]) == pytest.approx(17.5 / 20)
    assert weights.sum() == pytest.approx(1)
    assert area_weights(np.array([0, 10]), 20) is None
    assert area_weights(np.array([7]), 20).tolist() == [1]


def test_curves_that_end_early_are_not_extrapolated(study):
    episodes = curve_episodes(study.query("not (model == 't5-nano' and seed == 4 and frames > 50000)"))
    assert areas(episodes)[1] == 50_000
    whole, _ = areas(episodes, budget=100_000)
    row = whole.conditions.query("model == 't5-nano'").index[0]
    assert np.isnan(whole.seed_means()[row]).tolist() == [False] * 4 + [True]
    with pytest.raises(UserError, match="no run was evaluated at more than one point"):
        areas(episodes[episodes["frames"] == 0])


def test_the_first_episodes_to_end_are_no_training_success():
    """Four environments: the first update saw one lucky episode end, the second all that began with it."""
    rows = [
        (update, 10 * update, ended, success)
        for update, ended, success in ((1, 1, 1.0), (2, 5, 0.1), (3, 9, 0.2))
    ]
    parts = [
        pd.DataFrame(rows, columns=["update", "frames", "episodes", "success_rate"]).assign(
            run_id=f"r{seed}", seed=seed
        )
        for seed in range(3)
    ]
    training = pd.concat(parts).assign(agent="a", model="m")
    config = json.dumps({"ppo": {"environments": 4}, "frames": 30})
    runs = pd.DataFrame({"run_id": ["r0", "r1", "r2"], "config": [config, config, "{"]})
    kept = settled_updates(training, runs)
    assert kept.groupby("run_id")["update"].apply(list).to_dict() == {
        "r0": [2, 3],
        "r1": [2, 3],
        "r2": [1, 2, 3],
    }
    cells, budget = areas(kept[kept["run_id"] != "r2"])
    assert budget == 30
    assert cells.seed_means()[0, :2] == pytest.approx([0.15, 0.15])
