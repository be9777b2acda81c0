"""Who reads the goal, and who walks? Success against what the goal changes."""

import pandas as pd

from glam_eval.figures.drawings.reading import draw_goal_following
from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.study import Study
from glam_eval.figures.tables.reading import who_reads


def table(study: Study) -> pd.DataFrame:
    """Return success, what is done when another goal is told, and what the goal changes, a row an agent."""
    return study.derive(who_reads).drop(columns="shift")


FIGURE = FigureDefinition(
    name="goal_following",
    title="Who reads the goal",
    table=table,
    draw=draw_goal_following,
    explanation="Success with the scene's own goal told, against what the goal changes: the share of "
    "episodes whose first commitment is the thing meant, less that share when another thing of the same "
    "scene is told. Who ignores the goal stands at 0, however much it succeeds. Shaded: within 5 points of 0 "
    "(walks), above half of the bot's (reads). Bars: 95% intervals, variance of seeds and scenes.",
)
