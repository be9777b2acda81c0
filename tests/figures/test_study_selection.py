"""Which runs a figure is made of."""

import json

import pandas as pd
import pytest

from glam_eval.core.errors import UserError
from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import (
    composition_length,
    pretraining_ablation,
    prompt_length,
    size_scaling,
)
from glam_eval.figures.study import distractors


def test_general_figures_leave_out_what_sweeps_vary(study_tables):
    plain, swept = Study.of(study_tables(conditions=3)), Study.of(study_tables(conditions=3, sweeps=True))
    rows = swept.usual(swept.episodes("sample-efficiency"))
    assert len(rows) == len(plain.episodes("sample-efficiency"))
    assert set(rows["level"]) == {"GoToLocalS5N2"}


def test_a_sweep_varies_one_setting_alone(study_tables):
    study = Study.of(study_tables(conditions=1, sweeps=True))
    chosen = study.sweep("remembered").merge(study.factors, on="run_id", suffixes=("", "_again"))
    assert set(chosen["remembered"]) == {1, 3}
    assert set(chosen["actions"]) == {"canonical"} and set(chosen["level"]) == {"GoToLocalS5N2"}


def test_a_sweep_without_two_values_is_absent(study_tables):
    with pytest.raises(Absent, match="every run has the same remembered"):
        Study.of(study_tables(conditions=1)).sweep("remembered")


def test_runs_that_differ_otherwise_become_conditions_of_their_own(study_tables):
    tables = study_tables(conditions=1)
    runs = tables["runs"].copy()
    changed = runs["seed"] < 2
    runs.loc[changed, "config"] = [
        json.dumps(json.loads(text) | {"ppo": {"clip": 0.1}}) for text in runs.loc[changed, "config"]
    ]
    study = Study.of(tables | {"runs": runs})
    assert {model for _, model in study.looks} == {"t5-nano [clip=0.1]", "t5-nano [clip=0.2]"}


def test_a_broken_configuration_names_its_run(study_tables):
    tables = study_tables(conditions=1)
    with pytest.raises(UserError, match=r"gflan-t5-nano-s0.*not JSON"):
        Study.of(tables | {"runs": tables["runs"].assign(config="{")})


def test_final_takes_each_runs_last_checkpoint():
    row = {"model": "none", "protocol": "p", "shift": "none", "seed": 0}
    rows = [
        row | {"agent": run, "run_id": run, "frames": frames}
        for run, frames in (("x", 0), ("x", 5), ("y", 0), ("y", 3))
    ]
    kept = Study.of({"episodes": pd.DataFrame(rows)}).final("p")
    assert list(zip(kept["run_id"], kept["frames"], strict=True)) == [("x", 5), ("y", 3)]


@pytest.mark.parametrize(
    ("level", "count"),
    [("GoToLocal", 8), ("GoToLocalN16", 16), ("GoToLocalS5N2", 2), ("MixedTrainLocal", None)],
)
def test_distractors_are_read_from_the_level(level, count):
    assert distractors(level) == count


def test_compositions_are_counted_from_tasks_and_other_languages_left_out(study_tables):
    tables = study_tables(conditions=1)
    episodes = tables["episodes"].copy()
    composed = episodes["shift"] == "new_composition"
    episodes.loc[composed, "task"] = "pickup_then_pickup"
    table = composition_length.table(Study.of(tables | {"episodes": episodes}))
    final_rows = episodes[episodes["protocol"] == "generalization"]
    assert dict(zip(table["value"], table["mean"], strict=True)) == pytest.approx(
        {
            1: final_rows.loc[final_rows["shift"] == "none", "success"].mean(),
            2: final_rows.loc[composed, "success"].mean(),
        }
    )


def test_the_ablation_needs_two_variants_of_one_model(study_tables):
    with pytest.raises(Absent):
        pretraining_ablation.table(Study.of(study_tables(conditions=1)))
    table = pretraining_ablation.table(Study.of(study_tables(conditions=12)))
    assert set(table["agent"]) == {"gflan", "aflan", "npe", "npa", "npae"} and set(table["model"]) == {
        "t5-nano"
    }


def test_size_scaling_keeps_agents_with_two_models(study_tables):
    table = size_scaling.table(Study.of(study_tables(conditions=7)))
    assert set(table["agent"]) == {"gflan", "zero-shot"}
    assert set(table["value"]) == {45_000, 260_000}


def test_more_objects_in_a_larger_room_are_no_sweep(study_tables):
    study = Study.of(study_tables(conditions=1, sweeps=True))
    assert set(study.sweep("distractors")["distractors"]) == {2, 4}
    tables = study_tables(conditions=1, sweeps=True)
    larger = {name: table.replace("GoToLocalS5N4", "GoToLocal") for name, table in tables.items()}
    larger["runs"]["config"] = larger["runs"]["config"].str.replace("GoToLocalS5N4", "GoToLocal")
    with pytest.raises(Absent, match="distractors"):
        Study.of(larger).sweep("distractors")


def test_the_critics_values_are_not_what_a_sweep_varies(study_tables):
    tables = study_tables(conditions=1, sweeps=True)
    with_values = {**tables, "episodes": tables["episodes"].assign(value=0.5)}
    table = prompt_length.table(Study.of(with_values))
    pd.testing.assert_frame_equal(table, prompt_length.table(Study.of(tables)))
