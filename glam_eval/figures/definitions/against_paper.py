"""Do our agents do what the paper's did? Success beside the published numbers (paper, figure 4)."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.drawings.shifts import draw_against_paper
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.final import final_episodes, in_display_order


def table(study: Study) -> pd.DataFrame:
    """Return success of each agent beside the published, where it was trained on a level of the paper's."""
    compared = statistics.against_published(final_episodes(study), "paper")
    compared = compared[~compared["note"].str.startswith("trained on")]
    if compared.empty:
        raise Absent("no agent of the paper was trained on a level of the paper's")
    who = compared["a"].str.partition("/")
    named = compared.assign(agent=who[0], model=who[2].where(who[2] != "", "none"), mean=compared["estimate"])
    return in_display_order(named.drop(columns=["a", "protocol", "estimate"]), study)


FIGURE = FigureDefinition(
    name="against_paper",
    title="Against the paper",
    table=table,
    draw=draw_against_paper,
    explanation="Success of the trained agent (dots) beside the published (open diamonds, read off the "
    f"figure of Carta et al. 2023 to a point; bars as drawn there), on the paper's levels. {BARS}",
)
