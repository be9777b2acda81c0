"""Scores between chance and the bot: independent references, coverage, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from goal_study import goal_study
from scipy import stats

from glam_eval.statistics import chance, normalized_scores
from glam_eval.statistics.inference.scores import TOO_CLOSE, TOO_FEW, score_between


def test_chance_is_the_best_goal_blind_agent_of_each_group(episodes_of):
    rates = {
        ("random", "none"): 0.2,
        ("sweep", "none"): 0.6,
        ("blind", "t5-nano"): 0.5,
        ("gflan", "t5-nano"): 0.9,
        ("bot", "none"): 1.0,
    }
    parts = []
    for shift in ("none", "harder"):
        for (agent, model), rate in rates.items():
            rate = 0.1 if (shift, agent) == ("harder", "sweep") else rate
            values = np.arange(200).reshape(4, 50) % 10 < 10 * rate
            parts.append(episodes_of(values, agent=agent, model=model, shift=shift))
    episodes = pd.concat(parts, ignore_index=True)
    best = chance(episodes, ["shift"]).set_index("shift")
    assert best["agent"].to_dict() == {"none": "sweep", "harder": "blind"}
    scores = normalized_scores(episodes).set_index(["shift", "agent"])
    assert scores.loc[("none", "gflan"), "mean"] == pytest.approx((0.9 - 0.6) / 0.4)
    assert scores.loc[("harder", "gflan"), "mean"] == pytest.approx((0.9 - 0.5) / 0.5)
    assert scores.loc[("harder", "gflan"), "chance_of"] == "blind/t5-nano"
    assert scores.loc[("harder", "random"), "mean"] < 0
    assert (scores.loc[("none", "sweep"), "mean"], scores.loc[("none", "bot"), "mean"]) == (0, 1)


def test_without_references_or_room_between_them_there_is_no_score():
    study = goal_study(seeds=4, scenes=30)
    for missing in (study[study["agent"] != "bot"], study[~study["agent"].isin(["sweep", "random"])]):
        scores = normalized_scores(missing)
        assert scores[scores["agent"] == "gflan"]["mean"].isna().all()
    absent = normalized_scores(study).query("shift == 'none~absent' and agent == 'gflan'")
    assert absent["mean"].isna().all()  # the bot does what it is told, and that isn't there


def test_without_scenes_and_with_known_references_the_interval_is_the_agents_own_t():
    """One column a seed, references without spread: Fieller's interval is Student's, rescaled."""
    values = np.array([0.5, 0.55, 0.6, 0.52, 0.58])
    floor, ceiling = np.full((5, 1), 0.2), np.full((5, 1), 0.9)
    score = score_between(values[:, None], floor, ceiling)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert score.value == pytest.approx((values.mean() - 0.2) / 0.7)
    assert score.low <= (low - 0.2) / 0.7 + 1e-6 and score.high >= (high - 0.2) / 0.7 - 1e-6
    assert score.high - score.low < 1.25 * (high - low) / 0.7


def test_fiellers_ends_are_where_the_combination_is_just_told_from_zero():
    """Against the closed form of Fieller's interval for three independent groups of one value a seed."""
    rng = np.random.default_rng(4)
    teams = [rng.normal(mean, 0.05, (40, 1)) for mean in (0.5, 0.2, 0.9)]
    score = score_between(*teams)
    a, b, c = (team.mean() for team in teams)
    va, vb, vc = (team.var(ddof=1) / 40 for team in teams)
    for end in (score.low, score.high):
        d = a - (1 - end) * b - end * c
        parts = np.array([va, (1 - end) ** 2 * vb, end**2 * vc])
        freedom = max(parts.sum() ** 2 / (parts**2 / 39).sum(), 39)
        assert abs(d) >= stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum()) - 1e-6
        assert abs(d) == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum()), rel=0.15)


def test_references_that_are_not_told_apart_give_no_interval():
    rng = np.random.default_rng(0)
    floor, ceiling = rng.random((4, 30)) < 0.5, rng.random((4, 30)) < 0.55
    score = score_between(rng.random((4, 30)) < 0.5, floor.astype(float), ceiling.astype(float))
    assert np.isnan(score.low)
    assert score.note == TOO_CLOSE == "not offered: the bot is not surely above chance"


def test_few_seeds_have_no_score_where_the_bot_fails():
    """Such a score is sure just when the seeds happen to agree, and then it is covered too little."""
    rng = np.random.default_rng(0)
    for seeds, rate, note in ((4, 0.9, TOO_FEW), (5, 0.9, ""), (4, 1.0, "")):
        teams = (rng.random((seeds, 200)) < each for each in (0.7, 0.1))
        agent, floor = (team.astype(float) for team in teams)
        ceiling = (rng.random((1, 200)) < rate).astype(float)
        score = score_between(agent, floor, ceiling)
        assert score.note == note and np.isnan(score.low) == bool(note), (seeds, rate)


def test_what_is_not_offered_is_said_in_tables(episodes_of):
    rng = np.random.default_rng(0)
    rates = {"sweep": 0.5, "bot": 0.55, "gflan": 0.5}
    close = pd.concat(
        episodes_of((rng.random((4, 30)) < rate) * 1.0, agent=who) for who, rate in rates.items()
    )
    two = goal_study(seeds=2).query("shift == 'none'")
    for study, note in ((close, TOO_CLOSE), (two, "not offered: 2 seeds, and intervals need 3")):
        scores = normalized_scores(study).query("agent == 'gflan'")
        assert scores["mean"].notna().all() and scores["low"].isna().all()
        assert set(scores["note"]) == {note}


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.5, 0.8, 0.97])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_intervals_of_scores_cover(rate, seeds):
    """Seeds that spread by half a logit, scenes that differ, chance at .4: 93% or more of 400 studies."""
    rng = np.random.default_rng(int(1000 * rate) + seeds)
    hits = 0
    grid = rng.normal(0, 0.8, 200_000)[:, None] + 0.5 * rng.normal(size=(200_000, 1))

    def mean_of(ability, spread):
        noise = grid if spread else grid * 0 + rng.normal(0, 0.8, grid.shape)
        return float((1 / (1 + np.exp(-(ability + noise)))).mean())

    ability = np.log(rate / (1 - rate))
    truth = (mean_of(ability, spread=True) - mean_of(-0.4, spread=False)) / (1 - mean_of(-0.4, spread=False))
    for _ in range(400):
        scenes = rng.normal(0, 0.8, 100)
        agent = rng.random((seeds, 100)) < 1 / (
            1 + np.exp(-(ability + scenes + 0.5 * rng.normal(size=(seeds, 1))))
        )
        floor = rng.random((seeds, 100)) < 1 / (1 + np.exp(0.4 - scenes))
        score = score_between(agent.astype(float), floor.astype(float), np.ones((seeds, 100)))
        hits += score.low <= truth <= score.high
    assert hits / 400 >= 0.93
