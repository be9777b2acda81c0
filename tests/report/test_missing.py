"""What a study lacks is said in captions and in the report, and the other agents' numbers do not move."""

import pandas as pd
import pytest
from synthetic_study import make_study

from glam_eval.figures import Study, figure_named, render
from glam_eval.figures.tables import final
from glam_eval.report.methods import limits, methods

SENTENCE = "gflan/t5-nano: seed 1 stopped at 20,000 of 51,200 steps: left out"


def _stopped(tables):
    """The tables with a run of the first agent that stopped halfway and is still said to run."""
    run = "gflan-t5-nano-s1-"
    episodes, runs, training = (tables[name] for name in ("episodes", "runs", "training"))
    late = (episodes["run_id"] == run) & (
        (episodes["frames"] > 20_000) | (episodes["protocol"] != "sample-efficiency")
    )
    states = runs["status"].where(runs["run_id"] != run, "running")
    return tables | {"episodes": episodes[~late], "runs": runs.assign(status=states), "training": training}


def test_captions_and_report_say_that_a_run_stopped():
    tables = make_study(conditions=4)
    study = Study.of(_stopped(tables))
    for name in ("learning_curves", "sample_efficiency", "generalization", "probability_of_improvement"):
        assert SENTENCE in render(study, figure_named(name)).caption
    assert any(SENTENCE.removeprefix("gflan") in text for text in limits(study, {}))
    assert "Missing" not in render(Study.of(tables), figure_named("learning_curves")).caption


def test_the_other_agents_curves_and_areas_do_not_move():
    tables = make_study(conditions=4)
    for name in ("learning_curves", "sample_efficiency", "generalization", "aggregates"):
        definition = figure_named(name)
        before, after = (Study.of(t).derive(definition.table) for t in (tables, _stopped(tables)))
        others = [table[table["model"] != "t5-nano"].reset_index(drop=True) for table in (before, after)]
        drawn = [
            table.drop(columns=[c for c in table if c.startswith("band")]) for table in others
        ]  # bands share one stream of draws
        pd.testing.assert_frame_equal(*drawn)
        ours = after[after["model"] == "t5-nano"]
        assert set(ours["n_seeds"]) == {4}


def _without_a_shift(episodes):
    lost = (episodes["run_id"] == "gflan-t5-nano-s1-") & (episodes["shift"] == "none@fr")
    return episodes[~lost]


def _stored_twice(episodes):
    again = (episodes["run_id"] == "gflan-t5-nano-s1-") & (episodes["shift"] == "none@fr")
    return pd.concat([episodes, episodes[again]])


def _collapsed(episodes):
    fell = (episodes["run_id"] == "gflan-t5-nano-s1-") & (episodes["frames"] > 0)
    return episodes.assign(success=episodes["success"] & ~fell)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (_without_a_shift, "seed 1 not played under none@fr in generalization"),
        (_stored_twice, "30 episodes were stored twice: the first counts"),
        (_collapsed, "seed 1 collapsed in generalization (success 0.00, the median seed's"),
    ],
    ids=["a missing shift", "duplicates", "a collapsed seed"],
)
def test_captions_and_report_say_it_and_the_others_do_not_move(broken, sentence):
    tables = make_study(conditions=4)
    whole, study = (
        Study.of(each) for each in (tables, tables | {"episodes": broken(tables["episodes"].copy())})
    )
    definition = figure_named("generalization")
    assert f"gflan/t5-nano: {sentence}" in render(study, definition).caption
    assert any(sentence in text for text in limits(study, {}))
    others = [each.derive(definition.table).query("model != 't5-nano'") for each in (whole, study)]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in others))


def test_agents_of_another_level_are_named_apart_and_compared_with_none_of_this_one():
    tables = make_study(conditions=4, sweeps=True)
    table = Study.of(tables).derive(final.comparisons)
    names = set(table["a"])
    assert "gflan/t5-nano" in names and len(names) == 4  # the usual level's alone, in figure and finding
    (told,) = [text for text in limits(Study.of(tables), {}) if "differ from the others in level" in text]
    assert told.startswith("50 of 70 runs")


def test_what_training_met_of_the_test_scenes_is_counted_over_runs():
    met = {"protocol": "generalization", "training_scenes": 900, "test_scenes": 250}
    counts = [(3, 40), (0, 35), (1, 50)]
    rows = [
        met | {"run_id": str(n), "scenes_met": a, "first_prompts_met": b} for n, (a, b) in enumerate(counts)
    ]
    (protocols, *_) = methods(Study.of(make_study(conditions=2) | {"overlap": pd.DataFrame(rows)}))
    text = " ".join(protocols.paragraphs)
    assert "of 750 pairs of a trained run and a test scene (its level, its words) 4 (0.5%) are equal" in text
    assert "and 125 (16.7%) begin with goal and observation that began one, word for word" in text


def test_what_is_said_of_scenes_is_computed_from_them():
    tables = make_study(conditions=2)
    episodes = tables["episodes"].copy()
    moved = episodes["shift"] == "new_composition"
    episodes.loc[moved, "bot_length"] = episodes.loc[moved, "bot_length"] + 3
    episodes["scene_seed"] = episodes["scene_seed"] % (1 << 31)
    episodes["scene_seed"] += (1 << 31) * (episodes["protocol"] == "generalization")
    (protocols, *_) = methods(Study.of(tables | {"episodes": episodes}))
    text = " ".join(protocols.paragraphs)
    assert "5 of 6 conditions of generalization play the very scenes of no shift" in text
    assert "Scenes of their own, in other rooms or with other goals: new composition." in text
    scenes = episodes.groupby("protocol")["scene_seed"].unique()
    every = len(set(scenes["generalization"]) | set(scenes["sample-efficiency"]))
    assert (
        f"{len(scenes['generalization']):,} of {every:,} test scenes have seeds that training never draws"
        in text
    )
