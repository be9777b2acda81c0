"""Agents trained with one prompt and asked in another, in a study made by hand: table, figure, findings."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from goal_study import goal_study

from glam_eval.figures import Absent, Study, figure_named, render
from glam_eval.figures.tables.prompts import UNTRAINED, by_prompt
from glam_eval.report.prompts import prompt_findings

WHO = ("gflan", "t5-nano")
MIXED = "paper+tags"
# How often the goal is read, by prompt of training and of test.
READ = {
    ("paper", "paper"): 1.0,
    ("paper", "tags"): 0.0,
    ("tags", "paper"): 0.5,
    ("tags", "tags"): 1.0,
    (MIXED, "paper"): 1.0,
    (MIXED, "tags"): 1.0,
}


def prompt_study(swapped=True):
    """Tables of agents that read in some prompts alone, an untrained one, a walk and the bot."""
    parts, runs = [], {}
    trained = [(WHO, *each) for each in READ]
    trained += [(("zero-shot", "t5-nano"), "paper", tested) for tested in ("paper", "tags")]
    others = [((agent, "none"), None, tested) for agent in ("sweep", "bot") for tested in ("paper", "tags")]
    for place, (who, template, tested) in enumerate(trained + others):
        reading = float(who[0] == "bot") if who != WHO else READ[template, tested]
        rows = goal_study(scenes=60, rng=0 if who == WHO else place, roles={who: reading})
        rows = rows[rows["shift"].isin(["none", "none~swapped"] if swapped else ["none"])]
        asked = rows.assign(shift=rows["shift"].str.replace("none", f"none.{tested}"))
        own = [rows] if tested == (template or "paper").split("+")[0] else []
        for played in (asked, *own):
            named = played.assign(run_id=played["run_id"] + f"-{template}")
            parts.append(named)
            runs |= {run: (who, template, int(named["frames"].max())) for run in named["run_id"].unique()}
    table = pd.DataFrame([_run(run, *rest) for run, rest in runs.items()])
    return Study.of({"episodes": pd.concat(parts, ignore_index=True), "runs": table})


def _run(run, who, template, frames):
    world = {"level": "StrictPickupLocalS5N2", "language": "en"}
    world |= {"template": template} if template else {}
    config = json.dumps({"agent": who[0], "model": who[1], "environment": world})
    return {
        "run_id": run, "agent": who[0], "model": who[1], "parameters": 1, "seconds": 1.0, "frames": frames,
        "level": world["level"], "language": "en", "config": config, "status": "finished",
    }  # fmt: skip


@pytest.fixture(scope="module")
def study():
    return prompt_study()


def test_every_pair_of_prompts_has_its_own_success_and_change(study):
    table = by_prompt(study).set_index(["agent", "trained_with", "tested_with"])
    assert len(table) == len(READ) + 2
    episodes = study.table("episodes")
    for (template, tested), reading in READ.items():
        row = table.loc["gflan", template, tested]
        run = episodes["run_id"].str.endswith(f"-{template}") & (episodes["agent"] == "gflan")
        told = episodes[run & (episodes["shift"] == f"none.{tested}")]
        other = episodes[run & (episodes["shift"] == f"none.{tested}~swapped")]
        assert row["mean"] == pytest.approx(told["success"].mean())
        change = told["first_meant"].mean() - other["first_meant"].mean()
        assert row["following"] == pytest.approx(change)
        assert row["verdict"] == {1.0: "reads", 0.0: "walks"}.get(reading, row["verdict"])
    assert set(table.loc["zero-shot"].index.get_level_values("trained_with")) == {UNTRAINED}


def test_findings_tell_where_it_reads_and_what_mixing_repairs(study):
    found = list(prompt_findings(study))
    texts = [re.sub(r"</?b>", "", str(finding.text)) for finding in found]
    assert texts[0].startswith("GFlan-T5 t5-nano, trained with the paper prompt, reads its goal in paper")
    assert re.search(r"and walks in tags \(success -\d+ \[-\d+, -\d+\] points\)\.$", texts[0])
    assert found[0].kind == "down"
    mixed = texts.index(next(text for text in texts if "trained with the prompts paper + tags" in text))
    assert texts[mixed].endswith("reads its goal in paper and tags.") and found[mixed].kind == "up"
    assert texts[-1].startswith("GFlan-T5 t5-nano trained with the prompts paper + tags in turn against")
    assert "0 [" in texts[-1] and "in paper and" in texts[-1] and texts[-1].endswith("points in tags.")
    assert not any("zero-shot" in text for text in texts)


def test_the_figure_shows_both_numbers_of_every_pair(study):
    rendering = render(study, figure_named("prompt_matrix"))
    panels = {axes.get_title("left") or axes.get_title(): axes for axes in rendering.drawing.axes}
    words = [text.get_text() for text in panels["GFlan-T5 t5-nano"].texts]
    table = by_prompt(study)
    own = table[table["agent"] == "gflan"]
    numbers = zip(100 * own["mean"], (100 * own["following"]).round(), strict=True)
    expected = {f"{success:.0f}%\n{f'{change:+.0f}' if change else 0}" for success, change in numbers}
    assert {word for word in words if word} == expected


def test_without_other_goals_told_success_stands_alone():
    study = prompt_study(swapped=False)
    assert by_prompt(study)["following"].isna().all()
    assert not [finding for finding in prompt_findings(study) if "reads" in str(finding.text)]
    drawing = render(study, figure_named("prompt_matrix")).drawing
    assert not [text for axes in drawing.axes for text in axes.texts if "\n" in text.get_text()]


def test_one_prompt_is_nothing_to_compare():
    episodes = goal_study(scenes=20)
    assert np.unique(episodes["shift"]).size > 1
    with pytest.raises(Absent, match="only one prompt"):
        by_prompt(Study.of({"episodes": episodes}))
