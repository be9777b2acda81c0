"""Do distractors hurt? Success with 4, 8 or 16 objects in the room (paper, appendix)."""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.sweeps import draw_sweep
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.training import success_against_setting


def table(study: Study) -> pd.DataFrame:
    """Return success without a shift of runs that differ in the number of objects alone."""
    rows = study.episodes("sample-efficiency", "none")
    return success_against_setting(study, rows, "distractors")


FIGURE = FigureDefinition(
    name="distractors",
    title="Distractors",
    table=table,
    draw=partial(draw_sweep, label="objects in the room"),
    explanation=f"Success against the number of objects in the room. {BARS}",
)
