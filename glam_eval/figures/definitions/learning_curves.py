"""Do agents learn, and how fast? Success on fixed scenes against environment steps (paper, figure 2)."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.drawings.curves import draw_curves
from glam_eval.figures.figure import BANDS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import WHO, generator


def table(study: Study) -> pd.DataFrame:
    """Return success at every evaluation point without a shift, for each training level."""
    rows = study.usual(study.episodes("sample-efficiency", "none"), free=("level",))
    if rows.groupby("run_id", observed=True)["frames"].nunique().max() < 2:
        raise Absent("no agent was evaluated at more than one point of training")
    return statistics.learning_curves(rows, generator("learning_curves"), by=["level", *WHO])


FIGURE = FigureDefinition(
    name="learning_curves",
    title="Learning curves",
    table=table,
    draw=draw_curves,
    explanation=f"Success on the fixed evaluation scenes against environment steps. {BANDS}",
)
