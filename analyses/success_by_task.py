"""Which kinds of task are hard? Success of the trained agent by kind, in the words of training.

A figure of one's own, drawn by ``glam-eval figures RESULTS --name analyses/success_by_task.py``: change the
rows (protocol, shift, checkpoint), the statistic or the drawing here.
"""

import pandas as pd

from glam_eval.figures import Absent, FigureDefinition, Study
from glam_eval.figures.drawings.aggregates import draw_aggregates
from glam_eval.figures.figure import BARS
from glam_eval.statistics import success_by


def table(study: Study) -> pd.DataFrame:
    """Return success of the last checkpoint by kind of task, without a shift."""
    rows = study.usual(study.final("generalization", "none"))
    rows = rows.assign(metric=rows["task"].astype(str).str.replace("_", " "))  # a panel each
    if rows["metric"].nunique() < 2:
        raise Absent("every goal is of the same kind")
    return success_by(rows, ["metric", "agent", "model"])


FIGURE = FigureDefinition(
    name="success_by_task",
    title="Success by kind of task",
    table=table,
    draw=draw_aggregates,
    explanation=f"Success of the trained agent on scenes of each kind of task. {BARS}",
)
