"""How does a policy change as it learns? All action probabilities on fixed probes (paper, appendix)."""

import pandas as pd

from glam_eval.figures.drawings.probes import draw_policy_evolution
from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.change import probes_along_training
from glam_eval.figures.tables.estimates import WHO


def table(study: Study) -> pd.DataFrame:
    """Return each action's mean probability over seeds, for the first agent that was probed along training.

    Probes are asked before an update's first gradient step.
    """
    probes = probes_along_training(study)
    for agent, model in study.looks:
        rows = probes[(probes["agent"] == agent) & (probes["model"] == model)]
        if rows["frames"].nunique() > 1:
            by = [*WHO, "probe", "action", "expected", "frames"]
            grouped = rows.groupby(by, observed=True, sort=False)
            return grouped.agg(mean=("probability", "mean"), n_seeds=("seed", "nunique")).reset_index()
    raise Absent("no agent was probed at more than one point of training")


FIGURE = FigureDefinition(
    name="policy_evolution",
    title="Policy evolution",
    table=table,
    draw=draw_policy_evolution,
    explanation="Probability of each action on fixed probe prompts, averaged over seeds; the line bounds the "
    "expected action's.",
)
