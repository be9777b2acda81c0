import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glam_eval.statistics import compare, curve_episodes, learning_gains, sample_efficiency
from glam_eval.statistics.efficiency import first_passages, scenes_of_passages
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.survival import restricted_mean


def test_without_censoring_it_is_students_t():
    times = np.array([10.0, 20, 20, 45, 60])
    result = restricted_mean(times, np.ones(5), 100)
    expected = stats.ttest_1samp(times, 0).confidence_interval()
    assert result.mean == pytest.approx(times.mean())
    assert (result.low, result.high) == pytest.approx(tuple(expected))
    assert (result.median, result.n_reached) == (20, 5)


def test_times_beyond_the_horizon_count_with_the_horizon():
    times = np.array([10.0, 20, 80, 90])
    result = restricted_mean(times, [1, 1, 0, 1], 50)
    assert result.mean == pytest.approx((10 + 20 + 50 + 50) / 4)
    assert result.n_reached == 2


def test_early_censoring_by_hand():
    # Kaplan-Meier: 1 to 10, 3/4 to 30 (20 is censored), then 3/4 * 1/2 = 3/8 to the horizon
    result = restricted_mean([10, 20, 30, 40], [1, 0, 1, 0], 40)
    assert result.mean == pytest.approx(10 * 1 + 20 * 3 / 4 + 10 * 3 / 8)
    area_after = np.array([20 * 3 / 4 + 10 * 3 / 8, 10 * 3 / 8])
    greenwood = (area_after**2 * np.array([1 / (4 * 3), 1 / (2 * 1)])).sum()
    reach = stats.t.ppf(0.975, 3) * np.sqrt(greenwood * 4 / 3)
    assert result.high == pytest.approx(min(40, result.mean + reach))
    assert result.median == 30


def test_nobody_gets_there():
    result = restricted_mean([50, 50], [0, 0], 50)
    assert (result.mean, result.median, result.n_reached) == (50, np.inf, 0)
    assert np.isnan([result.low, result.high]).all()


def test_first_passages_take_the_first_point_at_the_threshold():
    means = np.array([[0.0, 0.1, np.nan, 0.9], [0.5, 0.2, np.nan, 0.1], [0.4, 0.3, np.nan, np.nan]])
    times, reached = first_passages(means, np.array([0.0, 10, 20]), 0.5)
    assert times.tolist() == [10, 20, 0]
    assert reached.tolist() == [1, 0, 1]


def test_the_table(study):
    table = sample_efficiency(curve_episodes(study), thresholds=[0.6])
    nano = table.query("model == 't5-nano'").iloc[0]
    curves = study.query("protocol == 'sample-efficiency' and model == 't5-nano'").pivot_table(
        index="seed", columns="frames", values="success"
    )
    frames = curves.columns.to_numpy()
    assert nano["area"] == pytest.approx((np.trapezoid(curves, frames, axis=1) / 100_000).mean())
    assert nano["area_low"] < nano["area"] < nano["area_high"]
    waits = [frames[np.argmax(row >= 0.6)] for row in curves.to_numpy()]
    assert nano["frames"] == pytest.approx(np.mean(waits))
    assert nano["n_reached"] == 5
    chance = table.query("agent == 'random'").iloc[0]
    assert (chance["frames"], chance["n_reached"], chance["n_seeds"]) == (100_000, 0, 5)


def test_one_seed_has_estimates_without_intervals(studies):
    table = sample_efficiency(curve_episodes(studies(seeds=1)))
    assert table[["area", "frames"]].notna().all(axis=None)
    assert table[["area_low", "area_high", "frames_low", "frames_high"]].isna().all(axis=None)


def test_gains_are_the_area_and_the_end_less_the_start(studies):
    episodes = curve_episodes(studies(points=4))
    table = learning_gains(episodes).set_index(["agent", "model", "measure"])
    assert {agent for agent, *_ in table.index} == {"gflan"}  # who is evaluated once learns nothing
    own = episodes[episodes["model"] == "t5-nano"]
    means = own.groupby(["seed", "frames"])["success"].mean().unstack()
    area = np.trapezoid(means, means.columns, axis=1) / means.columns[-1]
    for measure, values in (
        ("gain_along_training", area - means[0]),
        ("gain_at_end", means.iloc[:, -1] - means[0]),
    ):
        row = table.loc[("gflan", "t5-nano", measure)]
        assert row["mean"] == pytest.approx(values.mean())
        assert row["low"] < values.mean() < row["high"]


def test_a_head_start_is_no_gain():
    """Two agents that learn as much, one of which began 40 points higher: areas differ, gains do not."""
    rows = [
        {"run_id": f"{agent}{seed}", "agent": agent, "model": "m", "seed": seed, "frames": frames,
         "scene_seed": scene, "protocol": "sample-efficiency", "shift": "none",
         "success": scene < start + (30 + seed * (3 if start else 2)) * frames / 100}
        for agent, start in (("ahead", 40), ("behind", 0))
        for seed in range(5)
        for frames in (0, 50, 100)
        for scene in range(100)
    ]  # fmt: skip
    table = compare(pd.DataFrame(rows), np.random.default_rng(0))
    pairs = table[table["b"] == "behind/m"].set_index("measure")
    assert pairs.loc["area_under_curve", "estimate"] == pytest.approx(0.41, abs=0.02)
    assert pairs.loc["area_under_curve", "verdict"] == "higher"
    for gain in ("gain_along_training", "gain_at_end"):
        assert abs(pairs.loc[gain, "estimate"]) < 0.03
        assert pairs.loc[gain, "verdict"] != "higher"


def test_scenes_that_are_alike_leave_the_steps_as_they_are_and_others_move_all_seeds():
    frames = np.array([0.0, 10, 20])
    alike = np.repeat(np.array([[[0.1]], [[0.6]], [[0.9]]]), 4, axis=1).repeat(30, axis=2)
    assert scenes_of_passages(alike, frames, 0.5, 20) == 0
    solved = np.arange(30) < np.array([0, 15, 30])[:, None, None]  # half of the scenes at 10, all at 20
    moved = scenes_of_passages(np.repeat(solved * 1.0, 4, axis=1), frames, 0.5, 20)
    share = stats.binom.sf(14, 30, 0.5)  # of lists with at least 15 of 30 redrawn scenes solved
    assert moved == pytest.approx(100 * share * (1 - share), rel=0.2)
    one, other = (restricted_mean([10, 20, 10], [1, 1, 1], 20, besides=b) for b in (0, 25))
    reaches = [stats.t.ppf(0.975, 2) * np.sqrt(error) for error in (100 / 9, 100 / 9 + 25)]
    assert (one.mean, other.mean) == (pytest.approx(40 / 3),) * 2
    assert [one.low, other.low] == pytest.approx([max(0, 40 / 3 - reach) for reach in reaches])


def test_a_gain_is_as_wide_as_its_end_and_its_start_make_it(episodes_of):
    """Alone, Student's t covers 81% of the gains of who ends at 99%."""
    start, end = (
        np.arange(100) < np.array(rates)[:, None] for rates in ((10, 12, 8, 10, 11), (99, 99, 99, 98, 93))
    )
    points = ((0, start), (50, end), (100, end))
    episodes = pd.concat(episodes_of(values * 1.0, frames=at, protocol="curve") for at, values in points)
    row = learning_gains(episodes).set_index("measure").loc["gain_at_end"]
    gained = end * 1.0 - start
    expected = estimate_mean(gained, "difference", (end, start)).interval()
    assert (row["low"], row["high"]) == pytest.approx(expected)
    assert row["high"] - row["low"] > np.ptp(estimate_mean(gained, "difference").interval()) + 1e-3
