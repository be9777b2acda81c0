"""What a study lacks is said in captions and in the report, and the other agents' numbers do not move."""

import pandas as pd
from synthetic_study import make_study

from glam_eval.figures import Study, figure_named, render
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
