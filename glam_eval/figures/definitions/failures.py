"""How do episodes end? Success, wandering, walls, oscillation, wrong objects, wrong order."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.drawings.aggregates import draw_failures
from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import WHO

NEEDED = ("actions", "steps_blocked", "wrong_object", "wrong_order")  # columns that others' tables may lack


def table(study: Study) -> pd.DataFrame:
    """Return the share of each way in which episodes of the last checkpoint end, without a shift."""
    rows = study.usual(study.final(study.final_protocol, study.reference_shift))
    if not set(NEEDED) <= set(rows) or not rows[list(NEEDED)].notna().all(axis=None):
        raise Absent(f"the episodes lack one of the columns {', '.join(NEEDED)}")
    return statistics.failures(rows, by=WHO)


FIGURE = FigureDefinition(
    name="failures",
    title="How episodes end",
    table=table,
    draw=draw_failures,
    explanation="Share of the trained agent's evaluation episodes by outcome, without a shift, averaged over "
    "seeds; 95% intervals are in its table.",
)
