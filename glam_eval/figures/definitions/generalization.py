"""What survives a change of words, goals, tasks or language? (paper, figures 4 and 5)."""

import pandas as pd

from glam_eval import statistics
from glam_eval.config.protocols import GOAL_MARK
from glam_eval.figures.drawings.shifts import draw_generalization
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import generator
from glam_eval.figures.tables.final import in_display_order


def table(study: Study) -> pd.DataFrame:
    """Return success of the last checkpoint under each shift, its paired change from no shift, and tests."""
    rows = study.usual(study.episodes("generalization"))
    rows = rows[~rows["shift"].astype(str).str.contains(GOAL_MARK, regex=False)]
    if rows["shift"].nunique() < 2:
        raise Absent("only one shift was evaluated")
    changes = statistics.generalization(rows, generator("generalization"))
    return in_display_order(changes.drop(columns="protocol"), study)


FIGURE = FigureDefinition(
    name="generalization",
    title="Generalization",
    table=table,
    draw=draw_generalization,
    explanation="Success of the trained agent under each shift, and its paired change from no shift on the "
    "same scenes, or from the simple task of its own level: in the right panel, or, with many agents, from "
    "the dashed line. Filled: the change differs from 0 at 5% (t test; tests and intervals adjusted over an "
    f"agent's shifts of a kind). {BARS}",
)
