"""What is drawn is the table, and the table is the study's numbers."""

import numpy as np
import pytest

from glam_eval.figures import FIGURES, Absent, Study, figure_named, render
from glam_eval.figures.style import style


def draw(study: Study, name: str):
    rendering = render(study, figure_named(name))
    return rendering.table, rendering.drawing


def test_learning_curves_draw_the_seed_means(study_tables):
    study = Study.of(study_tables(conditions=3))
    table, drawing = draw(study, "learning_curves")
    episodes = study.episodes("sample-efficiency")
    own = episodes[episodes["agent"] == "gflan"]
    expected = own.groupby(["frames", "seed"])["success"].mean().groupby("frames").mean()
    line = next(
        line
        for line in drawing.axes[0].get_lines()
        if line.get_label() == study.looks["gflan", "t5-nano"].label
    )
    np.testing.assert_allclose(line.get_xdata(), expected.index)
    np.testing.assert_allclose(line.get_ydata(), expected.to_numpy())
    levels = [
        line.get_ydata()[0] for line in drawing.axes[0].get_lines() if line.get_label() in ("bot", "random")
    ]
    assert levels == pytest.approx(list(table.loc[table["agent"].isin(["bot", "random"]), "mean"]), abs=1e-12)


@pytest.mark.parametrize("conditions", [3, 6])
def test_generalization_draws_one_dot_a_row_at_its_estimate(study_tables, conditions):
    study = Study.of(study_tables(conditions=conditions))
    table, drawing = draw(study, "generalization")
    for condition, look in study.looks.items():
        rows = table[(table["agent"] == condition[0]) & (table["model"] == condition[1])]
        panel = (
            drawing.axes[0]
            if conditions == 3
            else next(a for a in drawing.axes if a.get_title("left") == look.label)
        )
        (dots,) = [c for c in panel.collections if c.get_label() == look.label]
        np.testing.assert_allclose(dots.get_offsets()[:, 0], rows["mean"])


def test_the_paired_change_is_hollow_unless_the_test_tells_it_from_none(study_tables):
    study = Study.of(study_tables(conditions=1))
    table, drawing = draw(study, "generalization")
    (dots,) = [c for c in drawing.axes[1].collections if c.get_label()[0] != "_"]
    changes = table.dropna(subset=["change"])
    np.testing.assert_allclose(dots.get_offsets()[:, 0], changes["change"])
    white = [tuple(face[:3]) > (0.99, 0.99, 0.99) for face in dots.get_facecolors()]
    assert white == [not p < 0.05 for p in changes["p_adjusted"]]
    assert any(white) and not all(white)


@pytest.mark.parametrize(
    ("conditions", "seeds"), [(1, 1), (3, 2), pytest.param(12, 5, marks=pytest.mark.thorough)]
)
def test_every_figure_draws_or_says_why_not(study_tables, conditions, seeds):
    study = Study.of(study_tables(conditions=conditions, seeds=seeds, scenes=12))
    for definition in FIGURES:
        try:
            table = study.derive(definition.table)
        except Absent as reason:
            assert str(reason)
            continue
        with style():
            drawing = definition.draw(table, study.looks)
        assert drawing.axes
        assert f"{seeds} seed" in definition.caption(table)
        if seeds == 1:
            assert "one seed gives no interval" in definition.caption(table)


@pytest.mark.parametrize(
    "name", ["learning_curves", "generalization", "aggregates", "probability_of_improvement", "failures"]
)
def test_no_label_overlaps_another_at_twelve_agents(study_tables, name):
    _, drawing = draw(Study.of(study_tables(conditions=12)), name)
    renderer = drawing.canvas.get_renderer()
    for axes in drawing.axes:
        if not axes.get_visible():
            continue
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            shown = [label for label in labels if label.get_visible() and label.get_text()]
            boxes = [label.get_window_extent(renderer) for label in shown if label.get_rotation() == 0]
            assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    everything = drawing.get_tightbbox(renderer)
    assert everything.x0 >= -0.01 and everything.x1 <= drawing.get_figwidth() + 0.01


def test_every_mark_knows_its_words(study_tables):
    study = Study.of(study_tables(conditions=1))
    table, drawing = draw(study, "learning_curves")
    (texts,) = drawing.hover.values()
    assert len(texts) == len(table)
    row = table.iloc[-1]
    assert f"{100 * row['mean']:.0f}%" in texts[-1] and "51.2k steps" in texts[-1] and "5 seeds" in texts[-1]


def test_a_study_without_any_success_draws(study_tables):
    tables = study_tables(conditions=3, scenes=12)
    nothing = tables | {"episodes": tables["episodes"].assign(success=False)}
    table, _ = draw(Study.of(nothing), "generalization")
    assert (table["mean"] == 0).all()


def test_an_agent_that_misses_a_shift_leaves_a_gap_that_the_table_states(study_tables):
    tables = study_tables(conditions=3, scenes=12)
    episodes = tables["episodes"]
    gone = (episodes["agent"] == "random") & (episodes["shift"] == "none@fr")
    table, _ = draw(Study.of(tables | {"episodes": episodes[~gone]}), "generalization")
    (row,) = table[(table["agent"] == "random") & (table["shift"] == "none@fr")].to_dict("records")
    assert np.isnan(row["mean"]) and row["note"] == "not evaluated"
