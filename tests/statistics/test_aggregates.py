import pytest

from glam_eval.statistics import aggregates, improvement_probabilities, performance_profiles
from glam_eval.statistics.aggregates import scores
from glam_eval.statistics.inference.metrics import interquartile_mean, probability_of_improvement


@pytest.fixture(scope="module")
def generalization(study):
    return study[study["protocol"] == "generalization"]


def test_scores_are_seeds_by_shifts(generalization):
    table = scores(generalization, ["shift"])
    expected = generalization.query("model == 't5-pico'").pivot_table(
        index="seed", columns="shift", values="success"
    )
    assert table["gflan", "t5-pico"] == pytest.approx(expected.to_numpy())


def test_aggregates_hold_each_metric_with_its_interval(generalization, generator):
    table = aggregates(generalization, generator, repetitions=500)
    assert list(dict.fromkeys(table["metric"])) == ["IQM", "mean", "median", "optimality gap"]
    row = table.query("metric == 'IQM' and model == 't5-nano'").iloc[0]
    assert row["mean"] == pytest.approx(interquartile_mean(scores(generalization)["gflan", "t5-nano"]))
    assert row["low"] < row["mean"] < row["high"]
    assert (row["n_seeds"], row["n_tasks"]) == (5, 3)
    bca = aggregates(generalization, generator, repetitions=500, method="bca")
    assert bca["low"].notna().all()


def test_a_missing_shift_is_a_gap_and_not_an_average(generalization, generator):
    partial = generalization.query("not (agent == 'random' and shift == 'none@fr' and seed == 1)")
    table = aggregates(partial, generator, repetitions=100).set_index("agent")
    assert table.loc["random", "mean"].isna().all()
    assert table.loc["bot", "mean"].notna().all()
    profiles = performance_profiles(partial, generator, repetitions=100)
    assert profiles.query("agent == 'random'")["mean"].isna().all()
    pairs = improvement_probabilities(partial, generator, repetitions=100)
    involved = (pairs["agent"] == "random") | (pairs["agent_b"] == "random")
    assert (pairs["mean"].isna() == involved).all()


def test_profiles_fall_from_one_to_zero(generalization, generator):
    table = performance_profiles(generalization, generator, thresholds=[-0.1, 0.5, 1.0], repetitions=300)
    nano = table.query("model == 't5-nano'")
    share = (scores(generalization)["gflan", "t5-nano"] > 0.5).mean()
    assert nano["mean"].tolist() == pytest.approx([1, share, 0])
    assert (nano["low"] <= nano["mean"]).all()
    assert (nano["mean"] <= nano["high"]).all()


def test_improvement_is_every_pair_once(generalization, generator):
    table = improvement_probabilities(generalization, generator, repetitions=300)
    assert len(table) == 6
    row = table.query("model == 't5-nano' and model_b == 't5-pico'").iloc[0]
    arrays = scores(generalization)
    assert row["mean"] == pytest.approx(
        probability_of_improvement(arrays["gflan", "t5-nano"], arrays["gflan", "t5-pico"])
    )


def test_one_seed_has_no_intervals(studies, generator):
    single = studies(seeds=1)
    for table in (
        aggregates(single, generator, repetitions=50),
        performance_profiles(single, generator, repetitions=50),
        improvement_probabilities(single, generator, repetitions=50),
    ):
        assert table["mean"].notna().all()
        assert table[["low", "high"]].isna().all(axis=None)
