"""Does model size help? Success along and at the end of training against parameters (paper, appendix)."""

import pandas as pd

from glam_eval.figures.drawings.sweeps import draw_scaling
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.training import success_against_quantity


def table(study: Study) -> pd.DataFrame:
    """Return success without a shift by parameters, of agents trained with models of two sizes or more."""
    rows = study.usual(study.episodes("sample-efficiency", "none"))
    success = success_against_quantity(study, rows, "parameters")
    sized = success.groupby("agent", observed=True)["value"].transform("nunique") > 1
    if not sized.any():
        raise Absent("no agent was run with models of two sizes")
    return success[sized]


FIGURE = FigureDefinition(
    name="size_scaling",
    title="Size scaling",
    table=table,
    draw=draw_scaling,
    explanation=f"Success against the number of parameters of the policy. {BARS}",
)
