"""What does interaction add to imitation of the same data? PPO against cloning (paper, figure 6)."""

import pandas as pd

from glam_eval.figures.definitions import generalization
from glam_eval.figures.drawings.shifts import draw_online_offline
from glam_eval.figures.figure import BARS, FigureDefinition
from glam_eval.figures.identity import is_cloned, is_online_counterpart, is_reference, of_agents
from glam_eval.figures.study import Absent, Study


def table(study: Study) -> pd.DataFrame:
    """Return success under each shift of the cloned agents, their online counterpart and the references."""
    success = study.derive(generalization.table)
    cloned = of_agents(success, is_cloned)
    if not cloned.any():
        raise Absent("no cloned agent was trained")
    beside = of_agents(success, is_online_counterpart) | of_agents(success, is_reference)
    return success[cloned | beside]


FIGURE = FigureDefinition(
    name="online_offline",
    title="Online against offline",
    table=table,
    draw=draw_online_offline,
    explanation=f"Success of agents trained by interaction and by imitation. {BARS}",
)
