"""What in pretraining helps? Agents from models that lack one group of families, against the whole."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.drawings.pretraining import draw_arms
from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.statistics.pretraining_arms import pretrained


def table(study: Study) -> pd.DataFrame:
    """Return the difference of every arm from the whole pretraining, of each measure and condition."""
    effects = statistics.pretraining_effects(study.usual(study.table("episodes")))
    if effects.empty:
        raise Absent("no agents from pretrainings that lack a part, beside the whole")
    agent, rung = str(effects["agent"].iloc[0]), str(effects["rung"].iloc[0])
    rows: pd.DataFrame = effects[(effects["agent"] == agent) & (effects["rung"] == rung)]
    model = next(model for name, model in study.looks if name == agent and pretrained(model).rung == rung)
    return rows.assign(model=model)


FIGURE = FigureDefinition(
    name="pretraining_knowledge",
    title="What in pretraining helps",
    table=table,
    draw=draw_arms,
    explanation="Difference of agents whose pretraining lacked a group of families from those with the "
    "whole. The sample is the pretraining: trainings from one are averaged, and the variance of pretrainings "
    "is pooled over arms. Bars: 95% intervals, simultaneous over arms. Filled: differs from 0 at 5%.",
)
