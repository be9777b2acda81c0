"""When does each agent come to prefer the right action? Its probability on fixed probes."""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.probes import draw_panels
from glam_eval.figures.figure import BANDS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.change import curves_over_seeds, probes_along_training
from glam_eval.figures.tables.estimates import WHO


def table(study: Study) -> pd.DataFrame:
    """Return the probability of the expected action on each probe, of every agent and model."""
    rows = probes_along_training(study)
    rows = rows[rows["expected"]]
    if rows.empty:
        raise Absent("no probe names an expected action")
    by = [*WHO, "seed", "probe", "frames", "run_id"]
    seeds = rows.groupby(by, observed=True, sort=False)["probability"].sum().reset_index()
    return curves_over_seeds(seeds, "probe", "probability", "expected_action")


FIGURE = FigureDefinition(
    name="expected_action",
    title="Expected action",
    table=table,
    draw=partial(draw_panels, panel="probe", label="P(expected action)", share=True),
    explanation="Probability of the expected action on fixed probe prompts against environment steps. "
    f"{BANDS}",
)
