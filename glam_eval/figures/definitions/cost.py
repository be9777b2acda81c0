"""What does success cost? Success at the end of training against the wall-clock time of a run."""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.sweeps import draw_scaling
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.estimates import END
from glam_eval.figures.tables.training import success_against_quantity


def table(study: Study) -> pd.DataFrame:
    """Return success at the last checkpoint without a shift by the mean seconds of an agent's runs."""
    rows = study.usual(study.episodes("sample-efficiency", "none"))
    success = success_against_quantity(study, rows, "seconds")
    return success[success["measure"] == END]


FIGURE = FigureDefinition(
    name="cost",
    title="Cost against success",
    table=table,
    draw=partial(draw_scaling, label="seconds of training"),
    explanation=f"Success at the end of training against the wall-clock time of a run. {BARS}",
)
