"""Do useless actions hurt? Success with 3, 6 or 9 actions offered (paper, appendix)."""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.sweeps import draw_sweep
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.training import success_against_setting


def table(study: Study) -> pd.DataFrame:
    """Return success without a shift of runs that differ in the action set alone."""
    rows = study.episodes("sample-efficiency", "none")
    return success_against_setting(study, rows, "action_count")


FIGURE = FigureDefinition(
    name="action_space",
    title="Action space",
    table=table,
    draw=partial(draw_sweep, label="actions offered"),
    explanation=f"Success when 3, 6 or 9 actions are offered. {BARS}",
)
