"""What models know of what actions do is told by question, with chance and the change by training."""

import re

import numpy as np
import pandas as pd
from synthetic_study import make_study

from glam_eval.figures import Study
from glam_eval.figures.registry import figure_named
from glam_eval.report.consequences import consequence_findings


def study(knows):
    """A study of a learner and a model that never learns; ``knows`` by question and moment."""
    tables, draws, rows = make_study(conditions=5, seeds=5, scenes=20), np.random.default_rng(0), []
    for run in tables["runs"].to_dict("records"):
        if run["agent"] not in ("gflan", "zero-shot"):
            continue
        for question, shares in knows.items():
            moments = (0, run["frames"]) if run["frames"] else (0,)
            for frames, share in zip(moments, shares, strict=False):
                for situation in range(40):
                    known, taken = draws.random() < share, int(draws.integers(2))
                    for answer in range(2):
                        right = known or answer == taken
                        rows.append(
                            {name: run[name] for name in ("run_id", "agent", "model", "seed")}
                            | {"frames": frames, "question": question, "scene_seed": situation, "chance": 0.5}
                            | dict.fromkeys(("right", "right_per_token", "right_calibrated"), right)
                        )
    return Study.of({**tables, "consequences": pd.DataFrame(rows)})


def test_what_is_known_and_what_training_changes_is_told():
    told = study({"observation": (0.0, 0.8), "shorter": (0.0, 0.0)})
    texts = {re.sub(r"</?b>", "", str(each.text)): each.kind for each in consequence_findings(told)}
    (learner,) = (text for text in texts if "GFlan-T5 t5-nano" in text)
    assert re.search(
        r"The model of GFlan-T5 t5-nano, after training, tells which observation follows an action in 89% "
        r"of cases \(more than chance, 50%, by \+39 \[\+\d+, \+\d+\] points; "
        r"\+\d\d \[\+\d+, \+\d+\] points from before\) "
        r"and which of two goals is fewer steps away in 50% of cases \(",
        learner,
    ), learner
    assert texts[learner] == "up"
    (other,) = (text for text in texts if "zero-shot t5-nano" in text)
    assert "never trained" in other
    assert "from before" not in other


def test_the_figure_draws_both_moments_and_every_question():
    drawn = study({"observation": (0.0, 0.8), "shorter": (0.0, 0.0)})
    figure = figure_named("consequences")
    table = figure.table(drawn)
    assert set(table["question"]) == {"observation", "shorter"}
    drawing = figure.draw(table, drawn.looks)
    assert len(drawing.axes) == 4
    marks = [text for texts in drawing.hover.values() for text in texts]
    assert sum("before training" in text for text in marks) == 4 * 3  # panels x conditions
    assert sum("after training" in text for text in marks) == 4 * 2


def test_a_study_without_the_questions_tells_nothing():
    assert list(consequence_findings(Study.of(make_study(conditions=1, scenes=20)))) == []
