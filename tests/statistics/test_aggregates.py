import numpy as np
import pytest

from glam_eval.statistics import aggregates, improvement_probabilities, performance_profiles
from glam_eval.statistics.aggregates import estimate_profile, task_values
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import interquartile_mean, probability_of_improvement


@pytest.fixture(scope="module")
def generalization(study):
    return study[study["protocol"] == "generalization"]


def _scores(generalization):
    return {who: values.mean(axis=1) for who, values in task_values(generalization).items()}


def test_scores_are_seeds_by_shifts(generalization):
    table = task_values(generalization, ["shift"])
    expected = generalization.query("model == 't5-pico'").pivot_table(
        index="seed", columns="shift", values="success"
    )
    assert table["gflan", "t5-pico"].mean(axis=1) == pytest.approx(expected.to_numpy())


def test_aggregates_hold_each_metric_with_its_interval(generalization, generator):
    table = aggregates(generalization, generator, repetitions=500)
    assert list(dict.fromkeys(table["metric"])) == ["IQM", "mean", "median", "optimality gap"]
    row = table.query("metric == 'IQM' and model == 't5-nano'").iloc[0]
    assert row["mean"] == pytest.approx(interquartile_mean(_scores(generalization)["gflan", "t5-nano"]))
    assert row["low"] < row["mean"] < row["high"]
    assert (row["n_seeds"], row["n_tasks"]) == (5, 3)
    bca = aggregates(generalization, generator, repetitions=500, method="bca")
    assert bca["low"].notna().all()


def test_a_missing_shift_is_a_gap_and_not_an_average(generalization, generator):
    partial = generalization.query("not (agent == 'random' and shift == 'none@fr' and seed == 1)")
    table = aggregates(partial, generator, repetitions=100).set_index("agent")
    assert table.loc["random", "mean"].isna().all()
    assert table.loc["bot", "mean"].notna().all()
    profiles = performance_profiles(partial)
    assert profiles.query("agent == 'random'")["mean"].isna().all()
    pairs = improvement_probabilities(partial)
    involved = (pairs["agent"] == "random") | (pairs["agent_b"] == "random")
    assert (pairs["mean"].isna() == involved).all()


def test_profiles_fall_from_one_to_zero(generalization, generator):
    scores = _scores(generalization)["gflan", "t5-nano"]
    middle = np.median(scores)
    table = performance_profiles(generalization, thresholds=[-0.1, middle, 1.0])
    nano = table.query("model == 't5-nano'").reset_index()
    shares = (scores > middle).mean(axis=1)
    assert nano["mean"].tolist() == pytest.approx([1, shares.mean(), 0])
    assert nano["low"].isna().tolist() == [True, False, True]  # no seed's share differs at the ends
    low, high = estimate_mean(shares[:, None], "proportion").interval()
    assert nano.loc[1, "low"] < low < high < nano.loc[1, "high"]  # other scenes would move all seeds
    (alone,) = estimate_profile(_scores(generalization)["gflan", "t5-nano"][:, None], [middle])
    assert alone.interval() == pytest.approx((low, high))  # seeds' means alone: no scenes to redraw


def test_improvement_is_every_pair_once(generalization, generator):
    table = improvement_probabilities(generalization)
    assert len(table) == 6
    row = table.query("model == 't5-nano' and model_b == 't5-pico'").iloc[0]
    arrays = _scores(generalization)
    assert row["mean"] == pytest.approx(
        probability_of_improvement(arrays["gflan", "t5-nano"], arrays["gflan", "t5-pico"])
    )


def test_one_seed_has_no_intervals(studies, generator):
    single = studies(seeds=1)
    for table in (
        aggregates(single, generator, repetitions=50),
        performance_profiles(single),
        improvement_probabilities(single),
    ):
        assert table["mean"].notna().all()
        assert table[["low", "high"]].isna().all(axis=None)
