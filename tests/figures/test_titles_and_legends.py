"""Words of figures with many variants: no title runs into the next, no legend takes the panels' height."""

import itertools

import numpy as np
import pandas as pd
import pytest
from synthetic_study import make_study

from glam_eval.figures import Study
from glam_eval.figures.definitions import language_matrix
from glam_eval.figures.drawings.curves import draw_curves
from glam_eval.figures.drawings.matrices import draw_language_matrix
from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.figures.files import draw
from glam_eval.figures.identity import assign_looks
from glam_eval.figures.style import legend_below, panels, style

LONG = [f"t5-nano-without-translation-and-more-seed{seed}" for seed in range(9)]


def curves(models):
    rows = [
        {"level": "GoToLocal", "agent": "gflan", "model": model, "frames": frames, "mean": 0.5, "n_seeds": 3}
        | dict.fromkeys(("low", "high", "band_low", "band_high"), np.nan)
        for model in models
        for frames in (0, 10_000)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def many():
    with style():
        drawing = draw_curves(curves(LONG), assign_looks([("gflan", model) for model in LONG]))
        drawing.settle()
        drawing.draw_without_rendering()
    return drawing


def test_titles_of_neighbours_do_not_overlap_and_name_who_is_drawn(many):
    titles = [
        each
        for axes in many.axes
        for each in axes.get_children()
        if hasattr(each, "get_text") and each.get_text() and each.get_text() == axes.get_title(loc="left")
    ]
    assert ["".join(each.get_text().split()) for each in titles] == [f"GFlan-T5{model}" for model in LONG]
    assert any("\n" in each.get_text() for each in titles)
    boxes = [each.get_window_extent() for each in titles]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(box.x1 <= many.bbox.x1 and box.y1 <= many.bbox.y1 for box in boxes)


def test_titles_keep_their_size_when_they_are_broken_or_shortened():
    with style():
        drawing, (axes,) = panels(1, 1, width=2.0, height=1.0)
        title = axes.set_title("a small title that is broken " * 3, fontsize=5)
        drawing.settle()
    assert title.get_fontsize() == 5 and "\n" in title.get_text() and "…" in title.get_text()


@pytest.mark.parametrize("entries", [2, 40])
def test_a_legend_of_many_rows_leaves_panels_their_height(entries):
    with style():
        drawing, (axes,) = panels(1, 1, width=4.0, height=2.0)
        for entry in range(entries):
            axes.plot([0, 1], [0, entry], label=f"an agent with a name of some length {entry}")
        legend_below(drawing)
        drawing.settle()
        drawing.draw_without_rendering()
    (legend,) = drawing.legends
    assert axes.get_position().height * drawing.get_figheight() > 1.3
    assert not legend.get_window_extent().overlaps(axes.get_tightbbox())


def test_names_of_regions_stand_beside_the_marks():
    from goal_study import goal_study

    drawing = draw(Study.of({"episodes": goal_study(seeds=2, scenes=30)}), "goal_following")
    (axes,) = drawing.axes
    drawing.draw_without_rendering()
    beside = {each.get_text(): each.get_window_extent() for each in axes.texts}
    for name in ("reads", "reads in part", "walks", "bot"):
        assert beside[name].x0 >= axes.bbox.x1
    best = axes.transData.transform((axes.lines[0].get_xdata()[0], 0))[0]
    assert not beside["best without the goal"].x0 < best < beside["best without the goal"].x1


def test_languages_trained_in_stand_in_one_order_in_rows_and_columns():
    """Each language tested in its own lies on the diagonal."""
    pairs = [(a, b) for a in ("de", "en", "fr") for b in ("fr", "en", "de", "es")]
    rows = [
        {"agent": "gflan", "model": "t5-nano", "trained_in": a, "tested_in": b, "mean": float(a == b)}
        for a, b in pairs
    ]
    with style():
        drawing = draw_language_matrix(pd.DataFrame(rows), assign_looks([("gflan", "t5-nano")]))
    (mesh,) = drawing.axes[0].collections
    np.testing.assert_array_equal(np.asarray(mesh.get_array()).reshape(3, 4)[:, :3], np.eye(3))


def test_a_goal_alone_in_french_is_no_test_in_english():
    tables = make_study(conditions=1, seeds=3)
    episodes = tables["episodes"]
    english = episodes[(episodes["shift"] == "none") & (episodes["protocol"] == "generalization")]
    french = english.assign(language="fr", shift="none@fr")
    goal = english.assign(shift="none@goal-fr", success=False)
    asked = [pd.concat([english, french, *more]) for more in ([], [goal])]
    without, beside = (language_matrix.table(Study.of(tables | {"episodes": each})) for each in asked)
    assert set(without["tested_in"]) == {"en", "fr"} and (without["mean"] > 0).all()
    pd.testing.assert_frame_equal(without, beside)


def test_a_matrix_of_many_agents_fills_its_figure():
    tables = make_study(conditions=3, seeds=2, scenes=6)
    own = tables["episodes"]["agent"] == "gflan"
    copies = [
        tables["episodes"][own].assign(model=model, run_id=lambda t, m=model: t["run_id"] + m)
        for model in LONG
    ]
    drawing = draw(
        Study.of({"episodes": pd.concat([tables["episodes"], *copies])}), "probability_of_improvement"
    )
    (axes,) = drawing.axes
    place = axes.get_position()
    width, height = place.width * drawing.get_figwidth(), place.height * drawing.get_figheight()
    assert width == pytest.approx(height, rel=0.02) and width > 0.4 * drawing.get_figwidth()
    drawing.draw_without_rendering()
    cell = axes.bbox.width / len(axes.get_xticks())
    assert max(each.get_window_extent().width for each in axes.texts) < cell


@pytest.mark.parametrize(
    ("condition", "label"),
    [
        ("none", "no change"),
        ("none@fr.tags~absent", "French, tags prompt, goal absent"),
        ("invented_nouns@fr", "invented nouns in French"),
        ("none@goal-fr", "goal: French"),
        (
            "synonym_colors_in_goal+invented_nouns_in_goal~swapped",
            "goal: synonym colors + invented nouns, goal swapped",
        ),
        ("new_nouns+invented_colors_in_goal@goal-de", "new nouns, goal: invented colors in German"),
    ],
)
def test_conditions_in_words(condition, label):
    assert shift_label(condition) == label
