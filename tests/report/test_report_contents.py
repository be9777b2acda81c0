"""What the report says equals what the tables hold."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from synthetic_study import SHIFTS, make_study

from glam_eval.core.errors import UserError
from glam_eval.figures import FIGURES, Study
from glam_eval.figures.definitions import generalization
from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.report import build_report, render_page
from glam_eval.report.findings import findings
from glam_eval.report.methods import limits, methods, settings
from glam_eval.report.replays import collect_replays
from glam_eval.report.tables import overview_table, shift_table, task_table

LABEL = "GFlan-T5 t5-nano"


class Tags(HTMLParser):
    """The tags of a page: names, ids, and every reference to something outside it."""

    def __init__(self, text: str):
        super().__init__()
        self.opened: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.named_pictures = 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.opened.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.references += [v for k, v in values.items() if k in ("src", "href", "xlink:href") and v]
        self.named_pictures += tag == "svg" and bool(values.get("aria-label"))


def test_the_page_is_whole_small_and_refers_to_nothing_outside(page):
    text = page.read_text(encoding="utf-8")
    tags = Tags(text)
    assert page.stat().st_size < 10_000_000
    assert all(reference.startswith(("#", "data:")) for reference in tags.references)
    assert not re.search(r"@import|url\((?!#)", text)
    assert len(tags.ids) == len(set(tags.ids))
    assert tags.opened.count("svg") == tags.named_pictures > 8
    assert {"#" + i for i in tags.ids} >= {r for r in tags.references if r.startswith("#")}


@pytest.fixture
def two_figures(monkeypatch):
    """Leave the report two figures, where a test is about something else."""
    kept = tuple(f for f in FIGURES if f.name in ("learning_curves", "generalization"))
    monkeypatch.setattr("glam_eval.report.build.FIGURES", kept)


@pytest.mark.thorough
def test_building_again_gives_the_same_page(study, two_figures):
    assert render_page(Study.of(study.tables)) == render_page(Study.of(study.tables))


def test_findings_state_the_estimates_and_their_intervals(study):
    texts = [re.sub(r"</?b>", "", str(finding.text)) for finding in findings(study)]
    table = study.derive(generalization.table)
    own = table[(table["agent"] == "gflan") & (table["model"] == "t5-nano")].set_index("shift")
    (loss,) = [text for text in texts if text.startswith(f"{LABEL}: it loses")]
    for shift in SHIFTS:
        stated = shift != "none" and own.loc[shift, "verdict"] == "lower"
        assert (shift_label(shift) in loss) == stated
        if stated:
            assert (
                f"{-100 * own.loc[shift, 'change']:.0f} [{-100 * own.loc[shift, 'change_high']:.0f}, " in loss
            )
    (learned,) = [text for text in texts if text.startswith(f"{LABEL} solves")]
    assert "after 51.2k steps of training" in learned and "points against chance (random)" in learned
    assert any("GFlan-T5 t5-pico" in text and LABEL in text and "At the end" in text for text in texts)
    assert any("GFlan-T5 t5-pico" in text and LABEL in text and "along training" in text for text in texts)


def test_one_seed_and_missing_parts_are_said_in_words():
    tables = dict(make_study(conditions=2, seeds=1, scenes=8))
    episodes = tables["episodes"]
    gone = (episodes["agent"] == "random") & (episodes["shift"] == "none@fr")
    lost = tables["runs"].iloc[:1].assign(run_id="gflan-t5-nano-lost", status="failed")
    poor = Study.of({"episodes": episodes[~gone], "runs": pd.concat([tables["runs"], lost])})
    said = " ".join(limits(poor, {"cost": "there is none"}))
    assert "Runs that did not finish: gflan-t5-nano-lost." in said
    assert "Fewer than 5 seeds" in said and "random (1)" in said
    assert "Not evaluated: random under French in generalization" in said
    assert "Not drawn: cost, because there is none." in said


def test_tables_hold_the_numbers_of_the_study(study):
    overview = overview_table(study)
    assert [row[0].text for row in overview.rows] == [look.label for look in study.looks.values()]
    episodes = study.final("generalization", "none")
    nano = episodes[(episodes["agent"] == "gflan") & (episodes["model"] == "t5-nano")]
    assert overview.rows[0][3].value == pytest.approx(nano["success"].mean())
    shifts = shift_table(study)
    assert shifts is not None and len(shifts.rows) == len(study.looks) * len(SHIFTS)
    tasks = task_table(study)
    key = [row for row in tasks.rows if [cell.text for cell in row[:3]] == [LABEL, "no change", "goto"]]
    assert key[0][3].value == pytest.approx(nano[nano["task"] == "goto"]["success"].mean())
    assert dict(tasks.menus)[2] == ["goto", "pickup"]


def test_methods_name_seeds_scenes_versions_and_differing_settings(study):
    text = " ".join(paragraph for section in methods(study) for paragraph in section.paragraphs)
    for part in (
        "20 fixed scenes",
        "seeds 0, 1, 2, 3, 4",
        "torch 2.13.0",
        "x86_64",
        "Bonferroni",
        "equivalent",
    ):
        assert part in text
    rows = {row[0]: row[1:] for row in settings(study).rows}
    assert rows["environment.level"][0] == "GoToLocalS5N2" and set(rows["environment.level"][1:]) == {"″"}
    assert rows["agent"] == ["gflan", "gflan", "bot", "random"]


def test_replays_hold_every_stored_step(study):
    replays = collect_replays(study)
    assert replays is not None
    data = json.loads(str(replays.data))
    steps = study.table("steps")
    assert sum(len(episode["steps"]) for episode in data["episodes"]) == len(steps)
    first = steps.iloc[0]
    own = steps[(steps["run_id"] == first["run_id"]) & (steps["shift"] == first["shift"])]
    (episode,) = [e for e in data["episodes"] if e["agent"] == LABEL and e["shift"] == "no change"]
    assert len(episode["steps"]) == len(own)
    grid, x, y, direction, sentences, probabilities, action, offered = episode["steps"][0]
    assert base64.b64decode(data["grids"][grid]) == first["grid"]
    assert (x, y, direction, action) == tuple(first[["agent_x", "agent_y", "agent_direction", "action"]])
    assert [data["texts"][i] for i in sentences] == list(first["sentences"])
    np.testing.assert_allclose(probabilities, first["probabilities"], atol=1e-4)
    assert [data["texts"][i] for i in offered] == list(first["action_names"])


def test_replays_never_outgrow_the_page(study, monkeypatch):
    monkeypatch.setattr("glam_eval.report.replays.SIZE_LIMIT", 6_000)
    replays = collect_replays(study)
    assert replays is not None
    shown = json.loads(str(replays.data))["episodes"]
    assert 0 < len(shown) < study.table("steps").groupby(["run_id", "shift"]).ngroups
    assert f"{len(shown)} stored episodes" in replays.note and "not on this page" in replays.note


def test_what_tables_contain_is_text_and_never_markup(tmp_path, two_figures):
    tables = dict(make_study(conditions=1, seeds=1, scenes=8))
    evil = "</script><img src=x onerror=alert(1)>"
    tables["steps"] = tables["steps"].assign(sentences=[[evil]] * len(tables["steps"]))
    tables["episodes"] = tables["episodes"].assign(task=evil, mission=evil)
    for name, table in tables.items():
        (tmp_path / name).mkdir()
        table.to_parquet(tmp_path / name / "all.parquet")
    text = build_report(tmp_path).read_text(encoding="utf-8")
    assert "<img" not in text
    assert text.count("</script>") == Tags(text).opened.count("script")


def test_the_suites_title_and_question_head_the_page(study, two_figures):
    text = render_page(study, "Does <size> help?", "A question.")
    assert "<h1>Does &lt;size&gt; help?</h1>" in text and "A question." in text
    assert "<h1>Results of quick</h1>" in render_page(study)


def test_episodes_alone_make_a_report(tmp_path, two_figures):
    (tmp_path / "episodes").mkdir()
    episodes = make_study(conditions=2, seeds=2, scenes=8)["episodes"]
    assert isinstance(episodes, pd.DataFrame)
    episodes.to_parquet(tmp_path / "episodes" / "theirs.parquet")
    text = build_report(tmp_path).read_text(encoding="utf-8")
    assert "replay-data" not in text and 'id="figure-generalization"' in text


def test_a_directory_without_results_is_one_line(tmp_path):
    with pytest.raises(UserError) as caught:
        build_report(tmp_path)
    assert "\n" not in str(caught.value)
