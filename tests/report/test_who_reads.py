"""Whether agents read their goal is said first of all, in findings, table, figure and on the terminal."""

import io
import re

import numpy as np
import pytest
from goal_study import goal_study
from synthetic_study import make_study

from glam_eval.core.console import Console
from glam_eval.figures import Absent, Study, figure_named, render
from glam_eval.figures.definitions import goal_following
from glam_eval.report.build import render_page
from glam_eval.report.findings import findings
from glam_eval.report.printed import drawn
from glam_eval.report.reading import headline, reading_matrices, reading_table
from glam_eval.statistics import who_reads


@pytest.fixture(scope="module")
def study():
    return Study.of({"episodes": goal_study()})


def _texts(study):
    return [re.sub(r"</?b>", "", str(finding.text)) for finding in findings(study)]


def test_who_walks_is_the_first_finding_and_who_reads_follows(study):
    texts = _texts(study)
    assert texts[0].startswith("GFlan-T5 walker walks, whatever it is told: when another thing")
    assert "a change of 0 [-1, +1] points" in texts[0] or "a change of 0 [" in texts[0]
    assert texts[1].startswith("zero-shot walker walks")
    assert texts[2].startswith("GFlan-T5 learner reads its goal in part")
    assert texts[3].startswith("GFlan-T5 reader reads its goal: ")
    assert "it does that in 100% [" in texts[3] and "what was meant in 0% [" in texts[3]
    assert "of the way from the best agent without the goal (sweep, " in texts[3]
    assert findings(study)[0].kind == "down" and findings(study)[3].kind == "up"


def test_of_many_agents_one_sentence_says_who_walks_and_who_reads():
    roles = {
        ("gflan", name): reading for name, reading in zip("abcde", (0.0, 1.0, 0.0, 1.0, 0.4), strict=True)
    }
    study = Study.of({"episodes": goal_study(roles=roles | {("sweep", "none"): 0.0, ("bot", "none"): 1.0})})
    first, *others = findings(study)
    text = re.sub(r"</?b>", "", str(first.text))
    walk, part, read = text.partition(". ")[2].split("; ")
    assert first.summary and len([each for each in others if "another thing of the scene" in each.text]) == 5
    assert re.fullmatch(r"Walks: GFlan-T5 a \(0 \[.+\]\) and GFlan-T5 c \(0 \[.+\]\)", walk)
    assert part.startswith("Reads in part: GFlan-T5 e (+")
    assert re.fullmatch(r"Reads: GFlan-T5 b \(\+100 \[.+\]\) and GFlan-T5 d \(\+100 \[.+\]\)\.", read)
    page = render_page(study)
    shown, _, folded = page.partition("Do they read the goal?")[2].partition("<details>")
    assert shown.count("<li") == 1 and folded.startswith("<summary>5 more</summary>")


def test_findings_measure_from_the_best_agent_without_the_goal(study):
    (told,) = [text for text in _texts(study) if text.startswith("At the end of training, GFlan-T5 reader")]
    assert "walker" in told
    assert not any("against random" in text for text in _texts(study))


def test_a_study_that_does_not_ask_says_so_first():
    texts = _texts(Study.of(make_study(conditions=2, scenes=20)))
    assert texts[0].startswith("Whether these agents read their goal is not asked")
    assert "the best agent without the goal, random, reaches" in texts[0]


def test_success_that_needs_no_reading_is_called_so():
    roles = {("gflan", "a"): 0.0, ("sweep", "none"): 0.0, ("bot", "none"): 1.0}
    episodes = goal_study(roles=roles)
    episodes.loc[(episodes["agent"] == "sweep") & (episodes["shift"] == "none"), "success"] = True
    texts = _texts(Study.of({"episodes": episodes}))
    assert "Success takes no reading here: sweep, which never knows the goal, reaches 100%." in texts[0]


def test_the_report_shows_it_before_everything_else(study):
    page = render_page(study)
    places = [
        page.index(text)
        for text in ("GFlan-T5 walker walks: another goal told", 'id="reading"', 'id="overview"')
    ]
    assert places == sorted(places)
    assert page.index("figure-goal_following") == min(m.start() for m in re.finditer(r"figure-\w+", page))
    table = reading_table(study)
    row = {column.title: cell for column, cell in zip(table.columns, table.rows[0], strict=True)}
    assert len(table.rows) == 7
    assert {cell.text for own in table.rows for cell in own if cell.column.title == "Verdict"} == {
        "reads", "reads in part", "walks", "reference",
    }  # fmt: skip
    assert "border-color:currentColor" in page  # the bot's: ink, which is light in the dark
    assert row["Chance"].text == "50%" and row["Bot's"].text == "100%"


def test_the_figure_draws_every_agent_at_its_success_and_what_the_goal_changes(study):
    rendering = render(study, figure_named("goal_following"))
    table, (axes,) = rendering.table, rendering.drawing.axes
    for row in table.itertuples():
        label = study.looks[row.agent, row.model].label
        (dots,) = [c for c in axes.collections if c.get_label() == label]
        np.testing.assert_allclose(dots.get_offsets(), [[row.success, row.following]])
    words = {text.get_text().strip() for text in axes.texts}
    assert {"reads", "walks", "reads in part", "bot", "best without the goal"} <= words
    with pytest.raises(Absent, match="no condition tells another goal"):
        goal_following.table(Study.of(make_study(conditions=2)))


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_who_reads_within_its_width(width):
    (matrix,) = reading_matrices(who_reads(goal_study()))
    lines = list(drawn(matrix, width))
    assert max(map(len, lines)) <= width
    console = Console(file=io.StringIO(), width=width)
    console.print("\n".join(lines))
    text = console.file.getvalue()
    for word in ("walks", "reads in part", "verdict", "GFlan-T5 walker", "changes", "score"):
        assert word in text
    assert "nan" not in text and "-0" not in text.replace("-0.", "")


def test_the_last_lines_say_whether_agents_read_with_the_swapped_goal():
    lines = headline(who_reads(goal_study()))
    assert len(lines) == 4
    assert re.fullmatch(
        r"GFlan-T5 walker walks: another goal told, it does that in \d+%, what was meant in \d+%", lines[0]
    )
    assert lines[-1] == "GFlan-T5 reader reads: another goal told, it does that in 100%, what was meant in 0%"
    assert headline(who_reads(goal_study().query("shift == 'none'"))) == []


def test_the_last_lines_of_many_agents_are_one_a_verdict():
    roles = {
        ("gflan", name): reading for name, reading in zip("abcde", (0.0, 1.0, 0.0, 1.0, 0.4), strict=True)
    }
    lines = headline(who_reads(goal_study(roles=roles | {("sweep", "none"): 0.0, ("bot", "none"): 1.0})))
    assert lines == [
        "walks: GFlan-T5 a, GFlan-T5 c", "reads in part: GFlan-T5 e", "reads: GFlan-T5 b, GFlan-T5 d",
    ]  # fmt: skip
