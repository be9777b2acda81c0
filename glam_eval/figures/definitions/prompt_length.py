"""Does memory help? Success with 1, 3, 6 or 9 observations in the prompt (paper, appendix)."""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.sweeps import draw_sweep
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.training import success_against_setting


def table(study: Study) -> pd.DataFrame:
    """Return success without a shift of runs that differ in remembered observations alone."""
    rows = study.episodes("sample-efficiency", "none")
    return success_against_setting(study, rows, "remembered")


FIGURE = FigureDefinition(
    name="prompt_length",
    title="Prompt length",
    table=table,
    draw=partial(draw_sweep, label="observations"),
    explanation=f"Success against the number of observations remembered in the prompt. {BARS}",
)
