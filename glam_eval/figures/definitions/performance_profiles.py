"""How often does an agent do at least so well? Performance profiles (arXiv 2108.13264)."""

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.drawings.aggregates import draw_profiles
from glam_eval.figures.figure import WHOLE_SEEDS, FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.final import final_episodes


def table(study: Study) -> pd.DataFrame:
    """Return the share of scores above each threshold; a score is a seed's success under one shift."""
    return statistics.performance_profiles(final_episodes(study), tasks=["shift"])


FIGURE = FigureDefinition(
    name="performance_profiles",
    title="Performance profiles",
    table=table,
    draw=draw_profiles,
    explanation=f"Share of scores (a seed under a shift) above each success rate. {WHOLE_SEEDS}",
)
