"""How certain does a policy become, how far does it move, does its critic come to know what follows?"""

from functools import partial

import pandas as pd

from glam_eval.figures.drawings.probes import draw_panels
from glam_eval.figures.figure import BANDS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables import change

BIAS = "value less return"


def table(study: Study) -> pd.DataFrame:
    """Return entropy, distance from the first policy, what prompts tell of actions, the critic's error."""
    parts = []
    if "probes" in study.tables and {"entropy", "kl"} <= set(study.tables["probes"]):
        parts += change.answers_along_training(change.probes_along_training(study))
    parts.append(change.information_in_rollouts(study))
    if {"value", "discounted_return"} <= set(study.tables["episodes"]):
        played = study.usual(study.episodes("sample-efficiency", "none"))
        off = played.assign(measured=played["value"] - played["discounted_return"])
        off = off.groupby(change.BY, observed=True)["measured"].mean().reset_index()
        parts.append(off.assign(measure=BIAS))
    known = [part for part in parts if len(part)]
    rows = pd.concat(known).dropna(subset=["measured"]) if known else pd.DataFrame()
    if rows.empty or rows["frames"].nunique() < 2:
        raise Absent("no agent was probed along training, and none has a critic")
    return change.curves_over_seeds(rows, "measure", "measured", "policy_change")


FIGURE = FigureDefinition(
    name="policy_change",
    title="How the policy changes",
    table=table,
    draw=partial(draw_panels, panel="measure", label="", share=False),
    explanation="Over fixed probe prompts: entropies, KL divergence from the policy before training, share "
    "of likeliest actions that changed, what prompts tell of actions, 0 in an agent that stops reading (also "
    "over each batch). Over evaluation scenes: the critic's first value less the return that followed. "
    f"{BANDS}",
)
