"""How much success does a budget of steps buy? Along training, and at its end (paper, section 5.1)."""

import pandas as pd

from glam_eval.figures.drawings.aggregates import draw_aggregates
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.estimates import WHO, along_and_at_end


def table(study: Study) -> pd.DataFrame:
    """Return success at the last checkpoint, and the area under each seed's curve over the common budget."""
    rows = study.usual(study.episodes("sample-efficiency", "none"))
    return along_and_at_end(rows, WHO).rename(columns={"measure": "metric"})


FIGURE = FigureDefinition(
    name="sample_efficiency",
    title="Sample efficiency",
    table=table,
    draw=draw_aggregates,
    explanation="Mean success along training (area under the curve over the budget) and success at its end. "
    f"{BARS}",
)
