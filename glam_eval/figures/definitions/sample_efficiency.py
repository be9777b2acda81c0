"""How much success does a budget of steps buy? Along training, and at its end (paper, section 5.1)."""

import pandas as pd

from glam_eval.figures.drawings.aggregates import draw_aggregates
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.estimates import (
    ALONG,
    END,
    GAINED,
    START,
    WHO,
    along_and_at_end,
    from_the_start,
)

ORDER = (START, ALONG, GAINED, END)


def table(study: Study) -> pd.DataFrame:
    """Return success before and after training, the area under each curve, and what of it is learned."""
    rows = study.usual(study.episodes("sample-efficiency", "none"))
    table = pd.concat([along_and_at_end(rows, WHO), from_the_start(rows, WHO)], ignore_index=True)
    table = table.rename(columns={"measure": "metric"})
    return table.sort_values(
        "metric", key=lambda names: names.map(ORDER.index), kind="stable", ignore_index=True
    )


FIGURE = FigureDefinition(
    name="sample_efficiency",
    title="Sample efficiency",
    table=table,
    draw=draw_aggregates,
    explanation="Success before training, its mean along training (area under the curve over the budget), "
    "that mean less the start (what is learned: a head start is no sample efficiency), and success at its "
    "end. "
    f"{BARS}",
)
