"""How likely does a seed of one agent beat a seed of another? Mann-Whitney statistic, over shifts."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.drawings.aggregates import draw_improvement
from glam_eval.figures.figure import WHOLE_SEEDS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.final import final_episodes


def table(study: Study) -> pd.DataFrame:
    """Return the probability for every pair of agents, averaged over shifts."""
    if len(study.looks) < 2:
        raise Absent("there is only one agent")
    return statistics.improvement_probabilities(final_episodes(study), tasks=["shift"])


FIGURE = FigureDefinition(
    name="probability_of_improvement",
    title="Probability of improvement",
    table=table,
    draw=draw_improvement,
    explanation="Probability that a seed of one agent does better than a seed of another under the same "
    f"shift. {WHOLE_SEEDS} In a matrix a dot marks an interval that excludes one half.",
)
