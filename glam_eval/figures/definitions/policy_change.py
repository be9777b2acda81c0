"""How certain does a policy become, how far does it move, does its critic come to know what follows?"""

from functools import partial

import pandas as pd

from glam_eval import statistics
from glam_eval.figures.draw.probes import draw_panels
from glam_eval.figures.figure import BANDS, FigureDefinition
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.change import curves_over_seeds, probes_along_training
from glam_eval.figures.tables.estimates import WHO

ENTROPY, DRIFT, BIAS = "entropy (nats)", "KL to the start (nats)", "value less return"
INFORMATION = "I(action; prompt) (nats)"
BY = [*WHO, "seed", "frames", "run_id"]


def table(study: Study) -> pd.DataFrame:
    """Return entropy, distance from the first policy, what prompts tell of actions, the critic's error."""
    parts = []
    if "probes" in study.tables and {"entropy", "kl"} <= set(study.tables["probes"]):
        probes = probes_along_training(study)
        seeds = probes.groupby(BY, observed=True, sort=False)
        for measure, column in ((ENTROPY, "entropy"), (DRIFT, "kl")):
            parts.append(seeds[column].mean().rename("measured").reset_index().assign(measure=measure))
        told = statistics.information(probes).rename(columns={"mutual_information": "measured"})
        parts.append(told.assign(measure=INFORMATION))
    if {"value", "discounted_return"} <= set(study.tables["episodes"]):
        played = study.usual(study.episodes("sample-efficiency", "none"))
        off = played.assign(measured=played["value"] - played["discounted_return"])
        parts.append(off.groupby(BY, observed=True)["measured"].mean().reset_index().assign(measure=BIAS))
    rows = pd.concat(parts).dropna(subset=["measured"]) if parts else pd.DataFrame()
    if rows.empty or rows["frames"].nunique() < 2:
        raise Absent("no agent was probed along training, and none has a critic")
    return curves_over_seeds(rows, "measure", "measured", "policy_change")


FIGURE = FigureDefinition(
    name="policy_change",
    title="How the policy changes",
    table=table,
    draw=partial(draw_panels, panel="measure", label="", share=False),
    explanation="Entropy and KL divergence from the policy before training are means over fixed probe "
    "prompts, where those were asked; the mutual information of action and prompt, over the same prompts, "
    "falls to 0 in an agent that stops reading; the critic's first value less the discounted return that "
    f"followed is one over evaluation scenes. {BANDS}",
)
