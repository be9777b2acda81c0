"""Tables of figures about training: curves, sample efficiency, sweeps over one setting."""

import numpy as np
import pandas as pd

from glam_eval import statistics
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import END, WHO, along_and_at_end, generator

ABLATION = ("gflan", "aflan", "npe", "npa", "npae")  # the paper's five pretraining variants
PROTOCOL = "sample-efficiency"


def learning_curves(study: Study) -> pd.DataFrame:
    """Success at every evaluation point, one panel a training level."""
    rows = study.usual(study.episodes(PROTOCOL, "none"), free=("level",))
    if rows.groupby("run_id", observed=True)["frames"].nunique().max() < 2:
        raise Absent("no agent was evaluated at more than one point of training")
    return statistics.learning_curves(rows, generator("learning_curves"), by=["level", *WHO])


def pretraining_ablation(study: Study) -> pd.DataFrame:
    """Learning curves of the pretraining variants of the model that has most of them."""
    curves = study.derive(learning_curves)
    variants = curves[curves["agent"].isin(ABLATION)]
    counts = variants.groupby("model", observed=True)["agent"].nunique()
    if counts.empty or counts.max() < 2:
        raise Absent("fewer than two pretraining variants of one model were trained")
    return variants[variants["model"] == counts.idxmax()]


def sample_efficiency(study: Study) -> pd.DataFrame:
    """Success along training (area under the curve) and at its end."""
    rows = study.usual(study.episodes(PROTOCOL, "none"))
    return along_and_at_end(rows, WHO).rename(columns={"measure": "metric"})


def size_scaling(study: Study) -> pd.DataFrame:
    """Success against parameters, of agents with at least two models."""
    table = _against(study, "parameters")
    sized = table.groupby("agent", observed=True)["value"].transform("nunique") > 1
    if not sized.any():
        raise Absent("no agent was run with models of two sizes")
    return table[sized]


def cost(study: Study) -> pd.DataFrame:
    """Success at the end of training against the mean seconds of a run."""
    table = _against(study, "seconds")
    return table[table["measure"] == END]


def action_space(study: Study) -> pd.DataFrame:
    """Success against the number of actions offered."""
    return _sweep(study, "action_count")


def distractors(study: Study) -> pd.DataFrame:
    """Success against the number of objects in the room."""
    return _sweep(study, "distractors")


def prompt_length(study: Study) -> pd.DataFrame:
    """Success against the number of remembered observations."""
    return _sweep(study, "remembered")


def _against(study: Study, quantity: str) -> pd.DataFrame:
    table = along_and_at_end(study.usual(study.episodes(PROTOCOL, "none")), WHO)
    values = study.usual(study.factors).groupby(WHO, observed=True)[quantity].mean()
    table["value"] = [
        float(values.get((a, m), np.nan)) for a, m in zip(table["agent"], table["model"], strict=True)
    ]
    table = table[table["value"] > 0]
    if table.empty:
        raise Absent(f"no agent has {quantity}")
    return table


def _sweep(study: Study, factor: str) -> pd.DataFrame:
    chosen = study.sweep(factor).rename(columns={factor: "value"})
    episodes = study.episodes(PROTOCOL, "none").drop(columns="value", errors="ignore")  # the critic's
    rows = episodes.merge(chosen, on="run_id")
    if rows["value"].nunique() < 2:
        raise Absent(f"only one {factor.replace('_', ' ')} was evaluated along training")
    table = along_and_at_end(rows, ["value", *WHO])
    varied = table.groupby(WHO, observed=True)["value"].transform("nunique") > 1
    if not varied.any():
        raise Absent(f"no agent was trained with two values of {factor.replace('_', ' ')}")
    return table[varied]
