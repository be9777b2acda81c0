"""Does grounding damage the language model? Held-out text and items before and after training."""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.probes import draw_panels
from glam_eval.figures.figure import BANDS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.change import curves_over_seeds

_LOSS = " (loss)"


def table(study: Study) -> pd.DataFrame:
    """Return loss of held-out text, then accuracy on each family of held-out items."""
    rows = study.table("language")
    runs = study.table("runs")
    rows = rows.merge(runs[["run_id", "agent"]], on="run_id") if "agent" not in rows else rows
    rows = rows[rows.groupby("run_id", observed=True)["frames"].transform("nunique") > 1]
    if rows.empty:
        raise Absent("no agent's language was measured before and after training")
    accurate = rows["accuracy"].notna()
    told = rows["objective"].where(accurate, rows["objective"] + _LOSS)
    rows = rows.assign(measure=told, measured=rows["accuracy"].where(accurate, rows["loss"]))
    curves = curves_over_seeds(study.usual(rows), "measure", "measured", "language_retention")
    return curves.sort_values("measure", key=lambda each: ~each.str.endswith(_LOSS), kind="stable")


FIGURE = FigureDefinition(
    name="language_retention",
    title="Language retention",
    table=table,
    draw=partial(draw_panels, panel="measure", label="accuracy, or loss", share=False),
    explanation="Accuracy on held-out items of each family, and loss of held-out text, "
    f"before and after training; none is about acting. {BANDS}",
)
