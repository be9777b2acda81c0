"""What the report says it cannot show, and how far answers, values and seeds can be trusted."""

import numpy as np
import pytest
from scipy import stats
from synthetic_study import make_study

from glam_eval.figures import Absent, Study, figure_named, render
from glam_eval.figures.definitions import against_paper
from glam_eval.figures.tables import final
from glam_eval.report.boundaries import trust_table, unseen_table, variance_table
from glam_eval.report.methods import limits
from glam_eval.report.tables import task_table


@pytest.fixture(scope="module")
def weak():
    return Study.of(make_study(conditions=4, seeds=4, scenes=15))


def test_every_undecided_comparison_says_what_it_would_have_shown(weak):
    table = unseen_table(weak)
    comparisons = weak.derive(final.comparisons)
    undecided = comparisons[
        comparisons["verdict"].isin(["undecided", "untested"]) & (comparisons["measure"] == "success")
    ]
    assert len(table.rows) == len(undecided) > 3
    told = {row[0].text: row for row in table.rows}
    row = undecided[(undecided["b"] != "none") & (undecided["shift"] == "none@fr")].iloc[0]
    own = next(cells for name, cells in told.items() if name.endswith(", French"))
    assert own[1].value in set(100 * undecided["detectable"])
    assert f"differences below {own[1].value:.0f} points stay unseen" in own[3].text
    assert np.isfinite(row["detectable"])
    seen = [row[1].value for row in table.rows if row[1].value is not None]
    assert seen == sorted(seen, reverse=True)


def test_no_difference_is_told_that_is_more_than_all(weak):
    wide = weak.derive(final.comparisons).assign(verdict="undecided", detectable=4.22)
    study = Study(weak.tables, weak.gaps, {final.comparisons: wide})
    table = unseen_table(study)
    assert {row[1].text for row in table.rows} == {"none"}
    assert all(row[3].text.startswith("none would be seen") for row in table.rows)


def test_two_seeds_are_refused_in_words():
    table = unseen_table(Study.of(make_study(conditions=2, seeds=2, scenes=8)))
    assert {row[3].text for row in table.rows} == {"not offered: 2 seeds, and intervals and tests need 3"}


def test_kinds_of_task_are_scored_between_chance_and_bot(weak):
    table = task_table(weak)
    column = [column.title for column in table.columns].index("Between chance and bot")
    scores = {tuple(cell.text for cell in row[:3]): row[column].value for row in table.rows}
    rows = weak.final("generalization", "none").query("task == 'goto'")
    means = rows.groupby("agent")["success"].mean()
    nano = rows[(rows["agent"] == "gflan") & (rows["model"] == "t5-nano")]["success"].mean()
    expected = (nano - means["random"]) / (means["bot"] - means["random"])
    assert scores["GFlan-T5 t5-nano", "no change", "goto"] == pytest.approx(expected)
    assert scores["bot", "no change", "goto"] == pytest.approx(1)


def test_unseen_collapse_is_the_exact_binomial_bound(weak):
    (said,) = [text for text in limits(weak, {}) if "collapse" in text and "do not exclude" in text]
    bound = stats.binomtest(0, 4, alternative="less").proportion_ci().high
    assert f"4 seeds without a collapse do not exclude that up to {100 * bound:.0f}% of trainings" in said


def test_calibration_is_told_where_it_was_stored(weak):
    table = trust_table(weak)
    assert {row[1].text for row in table.rows} == {"answers to probes"}
    tables = dict(make_study(conditions=2, seeds=4, scenes=10))
    valued = tables["episodes"].assign(value=0.5, discounted_return=0.25)
    both = trust_table(Study.of(tables | {"episodes": valued}))
    critics = [row for row in both.rows if row[1].text == "critic's first value"]
    assert critics[0][2].value == 0.5
    assert critics[0][4].value == pytest.approx(0.25)


def test_the_paper_is_drawn_beside_ours_on_its_levels_alone():
    tables = dict(make_study(conditions=5, seeds=3, scenes=10))
    with pytest.raises(Absent, match="on a level of the paper's"):
        against_paper.table(Study.of(tables))
    moved = {name: tables[name].assign(level="MixedTrainLocal") for name in ("episodes", "runs")}
    table = against_paper.table(Study.of(tables | moved))
    assert set(table["agent"]) == {"gflan", "zero-shot", "random"}  # the figure has no bot
    assert set(table["shift"]) == {"none", "synonym_actions", "new_composition"}
    row = table[(table["agent"] == "gflan") & (table["shift"] == "none")].iloc[0]
    assert (row["published"], row["published_low"], row["published_high"]) == (0.89, 0.84, 0.94)
    drawn = render(Study.of(tables | moved), figure_named("against_paper"))
    assert "read off the figure" in drawn.caption


def test_where_success_varies_adds_up_and_leaves_out_who_never_varies(weak):
    table = variance_table(weak)
    assert table.rows and all(sum(cell.value for cell in row[1:]) == pytest.approx(1) for row in table.rows)
    assert "bot" not in {row[0].text for row in table.rows}
