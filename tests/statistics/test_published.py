"""Our numbers against the published: what is compared, with which error, and what is only told."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from glam_eval.core.errors import UserError
from glam_eval.statistics import against_published
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.published import SOURCES, Distance, published

AGENTS = [("gflan", "flan-t5-large", 2.2), ("random", "none", -1.7), ("symbolic-ppo", "none", 0.0)]


@pytest.fixture
def ours(studies):
    shifts = {"none": 0.0, "synonym_actions": -4.0, "invented_colors": 0.0}
    return studies(agents=AGENTS, shifts=shifts, scene_spread=0.0, seeds=6, scenes=300).assign(
        level="MixedTrainLocal"
    )


def test_the_published_table_is_whole():
    table = published("paper")
    assert len(table) == 35
    assert table.groupby("agent").size().to_dict() == dict.fromkeys(
        ["gflan", "zero-shot", "npae", "drrn", "random"], 7
    )
    assert not table.duplicated(["agent", "level", "shift"]).any()
    assert ((table["low"] <= table["success"]) | table["low"].isna()).all()
    row = table.query("agent == 'gflan' and shift == 'invented_nouns_and_colors'").iloc[0]
    assert (row["success"], row["low"], row["high"]) == (0.77, 0.69, 0.85)


def test_the_difference_has_the_errors_of_both_and_of_reading(ours):
    table = against_published(ours, "paper")
    table = table[table["protocol"] == "generalization"].set_index(["a", "shift"])
    assert set(table.index) == {
        (agent, shift) for agent in ("gflan/flan-t5-large", "random") for shift in ("none", "synonym_actions")
    }  # invented colours alone and Symbolic-PPO are not in the figure
    rows = ours.query("protocol == 'generalization' and agent == 'gflan' and shift == 'none'")
    values = rows.pivot(index="seed", columns="scene_seed", values="success").to_numpy(dtype=float)
    estimate = estimate_mean(values, "proportion")
    bar = (0.94 - 0.84) / 2 / stats.norm.ppf(0.995)
    error = np.hypot(bar, SOURCES["paper"].reading / np.sqrt(3))
    row = table.loc["gflan/flan-t5-large", "none"]
    assert row["difference"] == pytest.approx(values.mean() - 0.89)
    tests = len(against_published(ours, "paper"))
    low, high = estimate.interval(1 - 0.05 / tests)
    reach = stats.norm.ppf(1 - 0.05 / tests / 2) * error
    below, above = np.hypot(values.mean() - low, reach), np.hypot(high - values.mean(), reach)
    assert row["difference_low"] == pytest.approx(row["difference"] - below)
    assert row["difference_high"] == pytest.approx(row["difference"] + above)
    p_value, distance = row["p_value"], Distance(estimate, 0.89, float(error))
    assert row["p_adjusted"] == pytest.approx(min(1, tests * p_value))
    assert min(abs(end) for end in distance.interval(1 - p_value)) == pytest.approx(0, abs=1e-6)
    assert row["verdict"] in ("undecided", "no worse", "equivalent")  # as good as the published: 89%
    worse = against_published(ours.assign(success=ours["success"] & (ours["scene_seed"] % 2 == 0)), "paper")
    assert (
        worse.set_index(["protocol", "a", "shift"]).loc[("generalization", *row.name), "verdict"] == "lower"
    )


def test_another_level_is_told_and_not_tested(ours):
    table = against_published(ours.assign(level="MixedTrainLocalS5N2"), "paper")
    assert set(table["verdict"]) == {"untested"}
    assert set(table["note"]) == {"trained on MixedTrainLocalS5N2, published for another level"}
    assert table["difference"].notna().all() and table["p_value"].isna().all()
    french = pd.concat(
        [
            ours.assign(level="GoToLocal"),
            ours[ours["shift"] == "none"].assign(shift="none@fr", level="GoToLocal"),
        ]
    )
    tested = against_published(french.query("agent == 'gflan'"), "paper").query("verdict != 'untested'")
    assert set(zip(tested["shift"], tested["published"], strict=True)) == {("none", 0.99), ("none@fr", 0.01)}


def test_unknown_numbers_are_named(ours):
    with pytest.raises(UserError, match="unknown published numbers 'papr': did you mean 'paper'"):
        against_published(ours, "papr")


def test_two_seeds_have_a_difference_and_no_interval(ours):
    table = against_published(ours[ours["seed"] < 2], "paper")
    assert table["difference"].notna().all()
    assert table[["difference_low", "difference_high", "p_value"]].isna().all(axis=None)
    assert table["note"].str.startswith("not offered: 2 seeds").all()
