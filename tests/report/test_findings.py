"""What findings say of every pair, of touched objects, of losing all, and how numbers become words."""

import re

import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_study

from glam_eval.figures import Study
from glam_eval.figures.tables import final
from glam_eval.report.findings import findings
from glam_eval.report.sentences import points


def _texts(study):
    return [re.sub(r"</?b>", "", str(finding.text)) for finding in findings(study)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((-0.004, -0.01, 0.0004), "-0.4 [-1.0, 0]"),
        ((-0.0002, -0.01, 0.012), "0 [-1, +1]"),
        ((0.2, 0.11, 0.29), "+20 [+11, +29]"),
        ((0.2, np.nan, np.nan), "+20"),
    ],
)
def test_points_have_no_negative_zero_and_no_interval_that_is_none(row, told):
    assert points(dict(zip(("estimate", "low", "high"), row, strict=True))) == told


def test_a_loss_is_told_without_its_sign():
    assert points({"estimate": -0.3, "low": -0.41, "high": -0.2}, -1) == "30 [20, 41]"


def _three_sizes():
    """A study with three models of one agent: the second is as good as the first, the third much worse."""
    tables = make_study(conditions=4, scenes=40)
    twin = {
        name: table[table["model"] == "t5-nano"].assign(
            model="t5-twin", run_id=lambda t: t["run_id"] + "twin"
        )
        for name, table in tables.items()
        if {"model", "run_id"} <= set(table)
    }
    return Study.of({name: pd.concat([table, twin.get(name)]) for name, table in tables.items()})


def test_every_two_sizes_are_compared_at_the_end_and_along_training():
    study = _three_sizes()
    texts = _texts(study)
    for when in ("At the end of training", "In mean success along training"):
        told = " ".join(text for text in texts if text.startswith(when))
        for a, b in (("t5-nano", "t5-pico"), ("t5-twin", "t5-pico")):
            assert re.search(rf"GFlan-T5 {a} does better than [^.]*GFlan-T5 {b}", told), (when, a, b)
        assert "it stays open which does better: GFlan-T5 t5-nano against GFlan-T5 t5-twin" in told


def test_touched_objects_are_told_with_their_interval():
    tables = make_study(conditions=2, scenes=40)
    study = Study.of(tables)
    rows = study.final("generalization", "none")
    share = rows[rows["agent"] == "gflan"]["wrong_object"].mean()
    (told,) = [text for text in _texts(study) if "does not name" in text]
    assert f"GFlan-T5 t5-nano in {100 * share:.0f}%" in told
    assert "random" not in told


def test_all_of_it_is_lost_only_where_an_equivalence_test_says_so():
    tables = make_study(conditions=2, seeds=10, scenes=300)
    episodes = tables["episodes"]
    rng = np.random.default_rng(0)
    french = (episodes["shift"] == "none@fr") & (episodes["protocol"] == "generalization")
    chance = episodes["success"].mask(french, rng.random(len(episodes)) < 0.12)
    study = Study.of(tables | {"episodes": episodes.assign(success=chance.astype(bool))})
    rows = study.derive(final.comparisons)
    pair = rows[(rows["shift"] == "none@fr") & (rows["a"] == "gflan/t5-nano") & (rows["b"] == "random")].iloc[
        0
    ]
    assert pair["verdict"] == "equivalent"
    (told,) = [text for text in _texts(study) if "all of it is lost" in text]
    assert "by an equivalence test, under French (" in told
    assert "composition" not in told  # lost much, not all


def test_a_lead_that_was_there_before_training_is_no_sample_efficiency():
    """Both learn 30 points along training; one begins 40 points higher."""
    rows = [
        {"run_id": f"{model}{seed}", "agent": "gflan", "model": model, "seed": seed, "frames": frames,
         "scene_seed": scene, "protocol": "sample-efficiency", "shift": "none", "level": "GoToLocalS5N2",
         "success": scene < start + (30 + 3 * (seed if start else 4 - seed)) * frames / 100}
        for model, start in (("ahead", 40), ("behind", 0))
        for seed in range(5)
        for frames in (0, 50, 100)
        for scene in range(100)
    ]  # fmt: skip
    texts = _texts(Study.of({"episodes": pd.DataFrame(rows)}))
    (told,) = [text for text in texts if text.startswith("A lead along training that was there at its start")]
    assert "GFlan-T5 ahead over GFlan-T5 behind (+40 [" in told
    assert not any(text.startswith("In what training adds") and "better than" in text for text in texts)


def test_what_a_walk_gains_and_a_good_agent_cannot_is_no_loss():
    """In easier rooms who never knows the goal gains 60 points; the agent, at 95%, stays as it is."""
    rates = {"gflan": (0.95, 0.95), "sweep": (0.35, 0.95)}
    levels = {"none": "GoToLocalS5N2", "more_distractors": "GoToLocalS8N2"}
    rng = np.random.default_rng(0)
    rows = [
        {"run_id": f"{agent}{seed}", "agent": agent, "model": "none", "seed": seed, "task": "goto",
         "frames": 100 * (agent == "gflan"), "protocol": "generalization", "shift": shift, "level": level,
         "scene_seed": scene + 1_000 * place, "success": rng.random() < rates[agent][place]}
        for agent in rates
        for place, (shift, level) in enumerate(levels.items())
        for seed in range(6)
        for scene in range(80)
    ]  # fmt: skip
    found = findings(Study.of({"episodes": pd.DataFrame(rows)}))
    (told,) = [each for each in found if "beside what the same change makes of" in each.text]
    assert told.kind == "open"
    assert re.search(r"under more distractors [+-]?\d against \+\d\d, <b>-\d\d \[", str(told.text))
