"""Who reads and who walks, in studies whose truth is known."""

import numpy as np
import pytest
from goal_study import goal_study
from scipy import stats

from glam_eval.core.seeds import stream
from glam_eval.statistics import asks_reading, who_reads
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.small_samples import sure_interval
from glam_eval.statistics.reading import follow


@pytest.fixture(scope="module")
def table():
    return who_reads(goal_study()).set_index(["agent", "model"])


def test_who_ignores_the_goal_walks_at_chance_with_a_score_of_zero(table):
    for who in (("gflan", "walker"), ("zero-shot", "walker")):
        row = table.loc[who]
        assert row["verdict"] == "walks"
        assert row["following"] == pytest.approx(0, abs=1e-9)
        assert row["told_low"] < row["first_chance"] < row["told_high"]
        assert row["score_low"] < 0 < row["score_high"]
        assert row["p_equivalence"] < 0.05


def test_a_reader_reads_with_a_score_of_one(table):
    row = table.loc[("gflan", "reader")]
    assert row["verdict"] == "reads"
    assert (row["told"], row["meant"], row["absent"], row["first"]) == (1, 0, 0, 1)
    assert row["following"] == row["score"] == 1
    assert 0.9 < row["following_low"] <= row["following_high"] <= 1
    assert 0.9 < row["score_low"] < 1 <= row["score_high"]


def test_who_reads_now_and_then_reads_in_part(table):
    row = table.loc[("gflan", "learner")]
    assert row["verdict"] == "reads in part"
    assert row["following_low"] < 0.4 < row["following_high"] < 0.5
    assert 0 < row["score_low"] < row["score"] < 0.6


def test_references_have_no_verdict_and_the_best_of_them_is_chance(table):
    assert {agent for agent, _ in table.index[table["verdict"] == ""]} == {"sweep", "random", "bot"}
    means = goal_study().query("shift == 'none'").groupby("agent")["success"].mean()
    assert set(table["chance_of"]) == {"sweep"}
    assert table["chance"].iloc[0] == pytest.approx(means["sweep"])
    assert means["sweep"] > means["random"] + 0.1
    learner = goal_study().query("shift == 'none' and model == 'learner'")["success"].mean()
    expected = (learner - means["sweep"]) / (1 - means["sweep"])
    assert table.loc[("gflan", "learner"), "score"] == pytest.approx(expected)


def test_two_seeds_and_few_scenes_cannot_tell():
    two = who_reads(goal_study(seeds=2)).set_index("model")
    assert two.loc["reader", "verdict"] == "can't tell"
    assert two.loc["reader", "note"] == "not offered: 2 seeds, and intervals and tests need 3"
    few = who_reads(goal_study(scenes=8, roles={("gflan", "a"): 0.15, ("bot", "none"): 1.0}))
    assert few.set_index("model").loc["a", "verdict"] == "can't tell"


def test_a_score_without_interval_says_why():
    roles = {("gflan", "a"): 0.4, ("sweep", "none"): 0.0, ("bot", "none"): 0.2}
    row = who_reads(goal_study(seeds=3, scenes=40, roles=roles)).set_index("agent").loc["gflan"]
    assert np.isfinite(row["score"]) and np.isnan(row["score_low"])
    assert row["note"] == "interval of the score not offered: the bot is not surely above chance"


def test_studies_that_do_not_ask_have_no_answer():
    study = goal_study(seeds=3, scenes=10)
    assert not asks_reading(study[study["shift"] == "none"])
    assert who_reads(study.drop(columns="first_meant")).empty
    assert who_reads(study[study["shift"] != "none"]).empty
    assert not asks_reading(study.assign(first_chance=np.nan))


def test_the_order_of_rows_changes_nothing(table):
    shuffled = who_reads(goal_study().sample(frac=1, random_state=0)).set_index(["agent", "model"])
    assert shuffled["following"].equals(table["following"])


def test_few_seeds_have_a_surer_interval_of_what_the_goal_changes():
    generator = np.random.default_rng(3)
    for seeds, level in ((4, 0.97), (5, 0.95)):
        told, swapped = ((generator.random((seeds, 80)) < rate) * 1.0 for rate in (0.8, 0.3))
        followed = follow((told, swapped))
        assert (followed.low, followed.high) == followed.estimate.interval(level, sure=True)


def test_a_collapsed_seed_leaves_the_interval_for_any_distribution():
    told = (np.random.default_rng(0).random((6, 80)) < 0.95) * 1.0
    told[0] = 0.0
    followed = follow((told, np.zeros_like(told)))
    assert followed.estimate.n_collapsed == 1 and np.isnan(followed.estimate.interval()).all()
    low, high = (2 * end - 1 for end in sure_interval((1 + told.mean(axis=1)) / 2))
    assert (followed.low, followed.high) == pytest.approx((low, high))


def test_few_seeds_join_what_they_do_by_students_quantile_and_many_by_the_normal():
    rng = np.random.default_rng(2)
    skill = rng.random((12, 1)) * 0.2 + 0.8
    told, swapped = ((rng.random((12, 60)) < rate) * 1.0 for rate in (skill, 1 - skill))
    for seeds in (5, 12):
        both = told[:seeds], swapped[:seeds]
        followed, (a, b) = follow(both), (estimate_mean(values, "proportion") for values in both)
        quantiles = [
            stats.t.ppf(0.975, arm.freedom) if seeds == 5 else stats.norm.ppf(0.975) for arm in (a, b)
        ]
        lows, highs = zip(
            *(arm.interval(critical=q) for arm, q in zip((a, b), quantiles, strict=True)), strict=True
        )
        d = followed.estimate
        shared = (a.error**2 + b.error**2 - d.error**2) / (2 * a.error * b.error)
        x, y = a.value - lows[0], highs[1] - b.value
        t_end = d.value - stats.t.ppf(0.975, d.freedom) * d.error
        assert followed.low == pytest.approx(min(t_end, d.value - np.sqrt(x**2 + y**2 - 2 * shared * x * y)))


@pytest.mark.slow
def test_walkers_are_seldom_called_readers_and_readers_seldom_walkers():
    """Where draws differ between the two goals: of 100 studies each at most 9, 5 being expected at most."""
    wrong = {0.0: 0, 0.15: 0}
    for reading in wrong:
        for repetition in range(100):
            roles = {("gflan", "a"): reading, ("bot", "none"): 1.0}
            episodes = goal_study(seeds=5, scenes=60, rng=repetition, roles=roles)
            draws = stream(repetition, "tests", "reading").random(len(episodes)) < 0.3
            swapped = draws & (episodes["agent"] == "gflan") & (episodes["shift"] == "none~swapped")
            noise = stream(repetition, "tests", "noise").random(len(episodes)) < 0.5
            if reading == 0:
                episodes["first_meant"] = np.where(swapped, noise, episodes["first_meant"])
            verdict = who_reads(episodes).set_index("agent").loc["gflan", "verdict"]
            wrong[reading] += verdict in (("reads", "reads in part") if reading == 0 else ("walks",))
    assert max(wrong.values()) <= 9
