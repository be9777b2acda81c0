"""Tables of figures about what training does to a policy and its language model: probes, values, language."""

import numpy as np
import pandas as pd

from glam_eval import statistics
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import WHO, generator

MOMENTS = 60  # of training drawn at most: probes are asked after every update
ENTROPY, DRIFT, BIAS = "entropy (nats)", "KL to the start (nats)", "value less return"
INFORMATION = "I(action; prompt) (nats)"


def policy_evolution(study: Study) -> pd.DataFrame:
    """Probability of each action on each probe, of the first condition that was probed along training."""
    probes = _probes(study)
    for agent, model in study.looks:
        rows = probes[(probes["agent"] == agent) & (probes["model"] == model)]
        if rows["frames"].nunique() > 1:
            by = [*WHO, "probe", "action", "expected", "frames"]
            grouped = rows.groupby(by, observed=True, sort=False)
            return grouped.agg(mean=("probability", "mean"), n_seeds=("seed", "nunique")).reset_index()
    raise Absent("no agent was probed at more than one point of training")


def expected_action(study: Study) -> pd.DataFrame:
    """Probability of the expected action on each probe, of every condition."""
    rows = _probes(study)
    rows = rows[rows["expected"]]
    if rows.empty:
        raise Absent("no probe names an expected action")
    by = [*WHO, "seed", "probe", "frames", "run_id"]
    seeds = rows.groupby(by, observed=True, sort=False)["probability"].sum().reset_index()
    return _curves(seeds, "probe", "probability", "expected_action")


def policy_change(study: Study) -> pd.DataFrame:
    """Entropy, distance from the first policy, what prompts tell of actions, how far the critic is off."""
    parts = []
    if "probes" in study.tables and {"entropy", "kl"} <= set(study.tables["probes"]):
        rows = _probes(study)
        seeds = rows.groupby([*WHO, "seed", "frames", "run_id"], observed=True, sort=False)
        for measure, column in ((ENTROPY, "entropy"), (DRIFT, "kl")):
            parts.append(seeds[column].mean().rename("measured").reset_index().assign(measure=measure))
        told = statistics.information(rows).rename(columns={"mutual_information": "measured"})
        parts.append(told.assign(measure=INFORMATION))
    episodes = study.tables["episodes"]
    if {"value", "discounted_return"} <= set(episodes):
        played = study.usual(study.episodes("sample-efficiency", "none"))
        off = played.assign(measured=played["value"] - played["discounted_return"])
        by = [*WHO, "seed", "frames", "run_id"]
        parts.append(off.groupby(by, observed=True)["measured"].mean().reset_index().assign(measure=BIAS))
    rows = pd.concat(parts).dropna(subset=["measured"]) if parts else pd.DataFrame()
    if rows.empty or rows["frames"].nunique() < 2:
        raise Absent("no agent was probed along training, and none has a critic")
    return _curves(rows, "measure", "measured", "policy_change")


def language_retention(study: Study) -> pd.DataFrame:
    """Accuracy on each family of held-out items, and loss of left-out spans, before and after training."""
    rows = study.table("language")
    runs = study.table("runs")
    rows = rows.merge(runs[["run_id", "agent"]], on="run_id") if "agent" not in rows else rows
    rows = rows[rows.groupby("run_id", observed=True)["frames"].transform("nunique") > 1]
    if rows.empty:
        raise Absent("no agent's language was measured before and after training")
    accurate = rows["accuracy"].notna()
    told = rows["objective"].where(accurate, rows["objective"] + " (loss)")
    rows = rows.assign(measure=told, measured=rows["accuracy"].where(accurate, rows["loss"]))
    return _curves(study.usual(rows), "measure", "measured", "language_retention")


def _probes(study: Study) -> pd.DataFrame:
    """Return the probes in the words of training, at evenly spread moments of each run."""
    rows = study.usual(study.table("probes"))
    if "shift" in rows:
        rows = rows[rows["shift"] == "none"]
    if rows.empty:
        raise Absent("no probe was asked in the words of training")
    moments = np.sort(rows["frames"].unique())
    kept = np.unique(np.linspace(0, len(moments) - 1, MOMENTS).round().astype(int))
    return rows[rows["frames"].isin(moments[kept])]


def _curves(rows: pd.DataFrame, panel: str, value: str, figure: str) -> pd.DataFrame:
    """Return curves over seeds; ``rows`` hold one value a seed, moment and panel."""
    rows = rows.assign(scene_seed=0)
    return statistics.learning_curves(rows, generator(figure), by=[*WHO, panel], value=value).drop(
        columns="n_episodes"
    )
