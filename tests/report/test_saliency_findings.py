"""Which parts of its prompt an agent goes by is told, the largest first, and who ignores its goal."""

import re

import numpy as np
import pandas as pd
from synthetic_study import make_study

from glam_eval.figures import Study
from glam_eval.figures.registry import figure_named
from glam_eval.report.saliency import saliency_findings


def study(goal):
    """A study whose learners' policies move by so much without the goal, before and after training."""
    tables, draws, rows = make_study(conditions=1, seeds=5, scenes=20), np.random.default_rng(0), []
    for run in tables["runs"].to_dict("records"):
        for part, moved in {"goal": goal, "observation now": (0.2, 0.2)}.items():
            for frames, mean in zip((0, run["frames"]), moved, strict=True):
                rows.extend(
                    {name: run[name] for name in ("run_id", "agent", "model", "seed")}
                    | {"frames": frames, "part": part, "scene_seed": situation, "kl": mean}
                    | {"distance": mean * (1 + 0.1 * draws.normal())}
                    for situation in range(30)
                )
    return Study.of({**tables, "saliency": pd.DataFrame(rows)})


def told(goal):
    (finding,) = saliency_findings(study(goal))
    return re.sub(r"</?b>", "", str(finding.text)), finding.kind


def test_parts_are_told_the_largest_first_with_what_training_changed():
    text, kind = told((0.0, 0.5))
    assert re.match(
        r"GFlan-T5 t5-nano, after training: left out, .*: goal \(\d\d% \[\d\d, \d\d\], "
        r"\+\d\d \[\+\d\d, \+\d\d\] points from before\) and observation now \(20% \[\d+, \d+\]\)\.$",
        text,
    ), text
    assert kind == "open"


def test_who_ignores_its_goal_is_told():
    text, kind = told((0.1, 0.0))
    assert text.endswith("; it ignores its goal.")
    assert kind == "down"


def test_the_figure_has_a_panel_an_agent_and_a_mark_a_part_and_moment():
    drawn = study((0.0, 0.5))
    figure = figure_named("saliency")
    drawing = figure.draw(figure.table(drawn), drawn.looks)
    assert [axes.get_title() for axes in drawing.axes] == ["GFlan-T5 t5-nano"]
    assert sum(map(len, drawing.hover.values())) == 4
