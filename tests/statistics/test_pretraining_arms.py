"""Arms of pretraining: names, the nested design against its textbook form, and how often it covers."""

import numpy as np
import pandas as pd
import pytest
from pretraining_study import POINTS, pretraining_study
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from glam_eval.statistics import pretraining_effects
from glam_eval.statistics.inference.nested import nested_difference, spread
from glam_eval.statistics.pretraining_arms import Pretrained, pretrained


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("t5-nano", ("t5-nano", "whole", 0)),
        ("t5-nano-seed2", ("t5-nano", "whole", 2)),
        ("models/t5-nano-without-words-seed1", ("t5-nano", "without words", 1)),
        ("/a/b/t5-nano-without-shared-answers/", ("t5-nano", "without shared-answers", 0)),
        ("t5-micro-plain-seed3", ("t5-micro", "plain", 3)),
        ("t5-nano-scratch", ("t5-nano", "scratch", 0)),
        ("t5-nano-seed1 [level=GoToLocal]", ("t5-nano", "whole", 1)),
    ],
)
def test_names_tell_rung_arm_and_seed(model, expected):
    assert pretrained(model) == Pretrained(*expected)


def test_what_is_worth_something_is_found_and_what_is_not_is_not():
    table = pretraining_effects(pretraining_study(luck=0.05)).set_index(["measure", "shift", "arm"])
    for measure in ("area_under_curve", "gain_along_training", "gain_at_end"):
        row = table.loc[(measure, "none", "without reading")]
        assert row["verdict"] == "lower" and row["n_seeds"] == row["n_trainings"] == 3
        assert table.loc[(measure, "none", "without words"), "verdict"] == "undecided"
    assert table.loc[("steps until 80%", "none", "without reading"), "value"] == POINTS[-1]
    french = table.loc[("success", "none@fr", "without reading")]
    assert french["estimate"] == pytest.approx(french["value"] - french["whole"])
    assert set(table.reset_index()["arm"]) == {"without words", "without reading"}


def test_lucky_pretrainings_are_no_effect():
    """Nine trainings from three lucky models are three samples: wide intervals, no claims."""
    table = pretraining_effects(pretraining_study(luck=0.25)).set_index(["measure", "shift", "arm"])
    row = table.loc[("gain_at_end", "none", "without words")]
    assert row["verdict"] == "undecided"
    assert row["high"] - row["low"] > 0.4
    assert row["spread_pretrainings"] > 2 * row["spread_trainings"]


def test_studies_without_arms_have_no_answer():
    one = pretraining_study(worth={"": 0.0})
    assert pretraining_effects(one).empty
    assert pretraining_effects(pretraining_study(pretrainings=1)).empty


def test_the_nested_design_is_the_textbooks():
    """Against statsmodels' analysis of variance of the pretrainings' means, and of all trainings' at once."""
    rng = np.random.default_rng(5)
    arms = [[rng.normal(a + rng.normal(0, 0.2), 0.1, (4, 1)) for _ in range(3)] for a in range(3)]
    rows = [
        (a, f"{a}{p}", value)
        for a, arm in enumerate(arms)
        for p, values in enumerate(arm)
        for value in values[:, 0]
    ]
    frame = pd.DataFrame(rows, columns=["arm", "pretraining", "value"])
    table = anova_lm(ols("value ~ C(pretraining)", frame).fit())
    within = table.loc["Residual", "mean_sq"]
    means = frame.groupby(["arm", "pretraining"])["value"].mean().reset_index()
    between = anova_lm(ols("value ~ C(arm)", means).fit()).loc["Residual", "mean_sq"]
    estimate = nested_difference(arms[0], arms[2], arms, "mean")
    assert estimate.error == pytest.approx(np.sqrt(between * (1 / 3 + 1 / 3)))
    assert estimate.freedom == pytest.approx(6)
    assert estimate.p_value() == pytest.approx(2 * stats.t.sf(abs(estimate.value) / estimate.error, 6))
    known = spread(arms)
    assert known.trainings == pytest.approx(np.sqrt(within))
    assert known.pretrainings == pytest.approx(np.sqrt(between - within / 4))


@pytest.mark.slow
def test_intervals_of_arms_cover_and_tests_do_not_claim_too_much():
    """Three arms that are alike: 300 studies, of two arms each; nominally 5% false and 95% covered."""
    rng = np.random.default_rng(8)
    false = covered = 0
    for _ in range(300):
        scenes = rng.normal(0, 0.1, 80)
        arms = []
        for _ in range(3):
            levels = 0.6 + 0.1 * rng.normal(size=3)
            arms.append(
                [
                    (rng.random((3, 80)) < level + scenes + 0.05 * rng.normal(size=(3, 1))).astype(float)
                    for level in levels
                ]
            )
        for one in (1, 2):
            estimate = nested_difference(arms[one], arms[0], arms, "difference")
            low, high = estimate.interval()
            covered += low <= 0 <= high
            false += estimate.p_value() < 0.05
    assert covered / 600 >= 0.93 and false / 600 <= 0.07
