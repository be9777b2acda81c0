"""Simulations behind the choice of the default interval, band and test; see ``statistics.simulation``."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from glam_eval.statistics import compare
from glam_eval.statistics.curves import critical_value
from glam_eval.statistics.inference.bootstrap import (
    bootstrap_interval,
    bootstrap_runs,
    crossed_bootstrap,
)
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.inference.metrics import mean
from glam_eval.statistics.simulation import REPETITIONS, Cell, simulate
from glam_eval.statistics.simulation.studies import Outcome
from glam_eval.statistics.simulation.table import TIMES_MORE, Group


@cache
def _center(proportion, spread):
    """The logit at which a normal spread of logits has the mean proportion."""
    draws, low, high = spread * stats.norm.ppf(np.linspace(0.0005, 0.9995, 1000)), -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(middle + draws).mean() < proportion else (low, middle)
    return middle


def _values(generator, proportion, seeds, spreads, scenes=100):
    logits = _center(proportion, np.hypot(*spreads)) + spreads[0] * generator.normal(size=(seeds, 1))
    return (
        generator.random((seeds, scenes)) < expit(logits + spreads[1] * generator.normal(size=scenes))
    ) * 1.0


def _covers(interval, truth):
    return interval[0] <= truth <= interval[1]


TABLE = Path(__file__).parents[2] / "results" / "statistics" / "coverage.parquet"
NOISE = 3.3  # standard errors by which one of a thousand cells strays


@pytest.fixture(scope="module")
def table():
    return pd.read_parquet(TABLE)


def _stray(share, repetitions):
    """How far a simulated share of so many repetitions may stray from the true one."""
    return NOISE * np.sqrt(share * (1 - share) / repetitions)


def test_the_committed_table_is_what_the_code_gives(table):
    for cell in (Cell(0.99, 0.5, 0.0, 3), Cell(0.9, 0.5, 1.0, 3, 100, 0.2)):
        ours = simulate([cell], REPETITIONS)
        keys = ["success", "seed_spread", "scene_spread", "seeds", "scenes", "collapse"]
        theirs = table[(table[keys] == ours[keys].iloc[0]).all(axis=1)].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-9)


def test_all_that_is_printed_is_simulated():
    """One study of a kind in which every statistic is asked: each is offered, and two runs are the same."""
    cell = Cell(0.9, 0.5, 1.0, 20)
    first = simulate([cell], 1)
    offered = {(kind, statistic) for kind, statistic in first[["kind", "statistic"]].values}
    for statistic in (
        "mean", "mean of weighted success", "paired difference", "independent difference",
        "change to other scenes", "change beyond chance", "aggregate IQM", "aggregate median",
        "performance profile", "probability of improvement", "what the goal changes", "normalised score",
        "difference from a published rate", "band of a curve", "area under the curve",
        "area under a curve of training", "gain along training", "gain at the end", "steps to a success rate",
        "family of shifts", "difference of pretrainings", "log odds of a shift", "log odds of agents",
    ):  # fmt: skip
        assert ("covers", statistic) in offered, statistic
    assert (first["offered"] == 1).all()
    two = simulate([Cell(0.9, 0.5, 0.0, 2)], 2)
    assert (two.loc[two["kind"] == "covers", "offered"] == 0).all()  # refused, whatever is asked


def test_a_cell_that_seems_to_cover_too_little_is_drawn_again_with_other_studies():
    def unlucky(study):
        drawn.append(study.scenes[0])
        yield Outcome("covers", "unlucky", len(drawn) > 10, 1.0)

    for cell, times in ((Cell(0.5, 0.5, 1.0, 3), 1 + TIMES_MORE), (Cell(0.5, 0.5, 1.0, 3, 100, 0.1), 1)):
        drawn: list[float] = []
        rows = simulate([cell], 10, groups=[Group("unlucky", unlucky, lambda _: True)])
        assert rows["repetitions"].tolist() == [10 * max(1, times - 1)]
        assert rows["share"].tolist() == [float(times > 1)]  # the first ten count no more
        assert len(drawn) == len(set(drawn)) == 10 * times


def test_intervals_cover_over_the_grid(table):
    rows = table[(table["kind"] == "covers") & (table["collapse"] == 0) & (table["seeds"] >= 3)]
    for statistic, own in rows.groupby("statistic"):
        assert own["share"].mean() > 0.95, statistic
        drawn = own["repetitions"] * own["offered"]
        assert (own["share"] >= 0.93 - _stray(0.93, drawn))[own["offered"] > 0].all(), statistic
    offered = rows[rows["offered"] > 0]
    assert (offered["share"] < 0.93).mean() < 0.005
    assert (offered.loc[offered["share"] < 0.93, "repetitions"] > rows["repetitions"].median()).all()
    refused = rows[rows["offered"] == 0]
    assert set(zip(refused["statistic"], refused["seeds"], strict=True)) == {
        ("normalised score where the bot fails", 3)
    }
    two = table[table["seeds"] == 2]
    assert (two.loc[two["kind"] == "covers", "offered"] == 0).all()  # two seeds are refused
    assert not two.loc[two["offered"] > 0, "share"].any()  # exact tests have no rearrangement as rare as 5%


def test_tests_claim_at_most_five_percent_over_the_grid(table):
    rows = table[(table["kind"] == "claims") & (table["offered"] > 0.2)]
    limit = 0.05 + _stray(0.05, rows["repetitions"] * rows["offered"])
    assert (rows["share"] <= limit).mean() > 0.99
    assert {"probability of superiority", "probability of improvement"} <= set(rows["statistic"])
    for statistic, own in rows.groupby("statistic"):  # all cells together, where little is left to chance
        tests = own["repetitions"] * own["offered"]
        claimed = (own["share"] * tests).sum() / tests.sum()
        assert claimed <= 0.05 + _stray(0.05, tests.sum()), statistic
    same = rows["statistic"].str.contains("equivalence")
    assert (rows.loc[same, "share"] <= limit[same]).all()


def test_a_collapse_that_seeds_do_not_show_is_covered_by_the_interval_for_any_distribution(table):
    fallen = table[table["collapse"] > 0]
    sure = fallen[fallen["statistic"] == "mean, for any distribution"]
    assert sure["share"].min() > 0.95
    assert fallen.loc[fallen["statistic"] == "mean", "share"].min() < 0.8  # what the usual interval can't do


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 1.5])
@pytest.mark.parametrize("success", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_the_defaults_hold_in_simulation(success, spread, seeds):
    """Another draw of the committed table's cells, with more repetitions."""
    rows = simulate([replace(Cell(success, spread, 1.0, seeds), scenes=101)], 1_500).set_index(
        ["kind", "statistic"]
    )
    covers, claims = rows.loc["covers"], rows.loc["claims"]
    for statistic in ("mean", "paired difference", "independent difference"):
        assert covers.loc[statistic, "share"] > 0.92, statistic
    assert (claims["share"].dropna() <= 0.05 + _stray(0.05, 1_500) + 0.005).all()


@pytest.mark.slow
def test_what_fails_and_where():
    """Bootstraps over 5 seeds, Student's t near 0.95, seeds alone when scenes differ: all below 93%."""
    generator = np.random.default_rng(3)

    def coverage(interval_of, proportion, seeds, spreads, repetitions=1_000):
        samples = (_values(generator, proportion, seeds, spreads) for _ in range(repetitions))
        return np.mean([_covers(interval_of(values), proportion) for values in samples])

    def percentile(values, method="percentile"):
        (draws,) = bootstrap_runs(values.mean(axis=1)[:, None], [mean], 400, generator)
        return bootstrap_interval(draws, method, runs=len(values))

    def student(values):
        return estimate_mean(values.mean(axis=1, keepdims=True)).interval()

    assert coverage(percentile, 0.5, 5, (0.3, 0)) < 0.88
    assert coverage(percentile, 0.5, 20, (0.3, 0)) > 0.91
    assert 0.88 < coverage(lambda v: percentile(v, "expanded"), 0.5, 5, (0.3, 0)) < 0.94
    assert coverage(student, 0.95, 5, (0.8, 0)) < 0.92
    assert coverage(student, 0.5, 20, (0, 1.0)) < 0.75
    hierarchical = coverage(
        lambda v: bootstrap_interval(crossed_bootstrap(v, 400, generator)), 0.5, 5, (0.3, 1.0)
    )
    assert hierarchical > coverage(percentile, 0.5, 5, (0.3, 1.0)) + 0.08


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_bands_cover_whole_curves(seeds):
    """Curves are random walks on top of a level of the seed's own."""
    generator, covered = np.random.default_rng(seeds), []
    for _ in range(300):
        walks = generator.normal(size=(seeds, 20)).cumsum(axis=1) / np.sqrt(20)
        curves = walks + generator.normal(size=(seeds, 1))
        largest = np.abs(curves.mean(axis=0) / stats.sem(curves, axis=0)).max()
        covered.append(largest <= critical_value(curves, generator))
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.slow
def test_a_family_without_differences_is_rarely_wrong(episodes_of):
    """Two agents, five shifts, nothing differs: at most 5% of each family's studies claim something."""
    generator, claims = np.random.default_rng(4), {"shifts": [], "agents": []}
    for _ in range(150):
        difficulty = generator.normal(size=60)
        parts = []
        for agent in "ab":
            skill = 0.4 * generator.normal(size=(5, 1))
            for shift in ("none", "v", "w", "x", "y", "z"):
                success = generator.random((5, 60)) < expit(skill + difficulty)
                parts.append(episodes_of(success * 1.0, agent=agent, shift=shift))
        table = compare(pd.concat(parts), generator)
        for _, family in table[table["family"] != ""].groupby("family"):
            claims["agents" if "agents" in family["family"].iloc[0] else "shifts"].append(
                (family["p_adjusted"] < 0.05).any()
            )
    for kind, claimed in claims.items():
        allowed = stats.binom.ppf(0.999, len(claimed), 0.05) / len(claimed)
        assert np.mean(claimed) <= allowed, kind
