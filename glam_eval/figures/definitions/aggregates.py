"""Which agent is best over all shifts? IQM, mean, median and optimality gap (arXiv 2108.13264)."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.drawings.aggregates import draw_aggregates
from glam_eval.figures.figure import WHOLE_SEEDS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.estimates import generator
from glam_eval.figures.tables.final import final_episodes


def table(study: Study) -> pd.DataFrame:
    """Return each aggregate of the scores of an agent; a score is a seed's success under one shift."""
    return statistics.aggregates(final_episodes(study), generator("aggregates"), tasks=["shift"])


FIGURE = FigureDefinition(
    name="aggregates",
    title="Aggregates over shifts",
    table=table,
    draw=draw_aggregates,
    explanation="Interquartile mean, mean, median and optimality gap of success, seeds and shifts. "
    f"{WHOLE_SEEDS}",
)
