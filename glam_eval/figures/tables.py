"""The table behind each figure: from a study to exactly the numbers drawn.

Statistics come from ``glam_eval.statistics``; here is only which episodes and which grouping a figure asks for.
Every function raises ``Absent`` where the study cannot answer.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from glam_eval.figures.identity import REFERENCES
from glam_eval.figures.study import Absent, Study

WHO = ["agent", "model"]
ABLATION = ("gflan", "aflan", "npe", "npa", "npae")  # the paper's five pretraining variants
OFFLINE = ("bc-gflan", "bc-bot")
ALONG, END = "mean along training", "at the end of training"


def learning_curves(study: Study) -> pd.DataFrame:
    """Success at every evaluation point of the study's usual runs."""
    rows = study.usual(study.episodes("sample-efficiency", "none"), free=("level",))
    if rows.groupby(WHO, observed=True)["frames"].nunique().max() < 2:
        raise Absent("no agent was evaluated at more than one point of training")
    scores = _seed_means(rows, ["level", *WHO, "frames"])
    return _summary(scores, ["level", *WHO, "frames"]).assign(band_low=np.nan, band_high=np.nan)


def pretraining_ablation(study: Study) -> pd.DataFrame:
    """Learning curves of the pretraining variants of the model that has most of them."""
    curves = learning_curves(study)
    variants = curves[curves["agent"].isin(ABLATION)]
    counts = variants.groupby("model", observed=True)["agent"].nunique()
    if counts.empty or counts.max() < 2:
        raise Absent("fewer than two pretraining variants of one model were trained")
    return variants[variants["model"] == counts.idxmax()]


def sample_efficiency(study: Study) -> pd.DataFrame:
    """Mean success along training and success at its end, of each condition."""
    rows = study.usual(study.episodes("sample-efficiency", "none"))
    return _both_measures(rows, WHO).rename(columns={"measure": "metric"})


def generalization(study: Study) -> pd.DataFrame:
    """Success and paired change from no shift, of each condition under each shift."""
    rows = study.usual(study.final("generalization"))
    if rows["shift"].nunique() < 2:
        raise Absent("only one shift was evaluated")
    scores = _seed_means(rows, ["shift", *WHO])
    table = _summary(scores, ["shift", *WHO])
    base = scores[scores["shift"] == "none"].set_index([*WHO, "seed"])["score"]
    joined = scores[scores["shift"] != "none"].join(base.rename("base"), on=[*WHO, "seed"])
    joined["score"] -= joined["base"]
    changes = _summary(joined.dropna(subset=["score"]), ["shift", *WHO], (-1.0, 1.0), test=True)
    changes = changes.rename(columns={"mean": "change", "low": "change_low", "high": "change_high"})
    tested = changes["p_value"].notna()
    changes["p_adjusted"] = np.nan
    if tested.any():
        changes.loc[tested, "p_adjusted"] = multipletests(changes.loc[tested, "p_value"], method="holm")[1]
    kept = ["shift", *WHO, "change", "change_low", "change_high", "p_value", "p_adjusted"]
    return table.merge(changes[kept], on=["shift", *WHO], how="left")


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


def composition_length(study: Study) -> pd.DataFrame:
    """Success against the number of instructions in the goal, over all conditions in the training language."""
    rows = study.usual(study.final("generalization"))
    lengths = rows["task"].astype(str).str.count("_then_|_and_") + 1
    rows = rows.assign(value=lengths)[~rows["shift"].astype(str).str.contains("@")]
    if rows["value"].nunique() < 2:
        raise Absent("every goal has the same number of instructions")
    return _summary(_seed_means(rows, ["value", *WHO]), ["value", *WHO]).assign(measure=END)


def language_matrix(study: Study) -> pd.DataFrame:
    """Success of agents trained in each language, tested in each, with no other shift."""
    rows = study.final("generalization")
    rows = rows[rows["shift"].astype(str).str.split("@").str[0] == "none"]
    trained = study.factors.set_index("run_id")["language"]
    rows = rows.assign(trained_in=rows["run_id"].map(trained), tested_in=rows["language"].astype(str))
    rows = rows[~rows["agent"].isin(list(REFERENCES))]
    if rows["tested_in"].nunique() < 2:
        raise Absent("only one language was tested")
    by = [*WHO, "trained_in", "tested_in"]
    return _summary(_seed_means(rows, by), by)


def online_offline(study: Study) -> pd.DataFrame:
    """Success under each shift of the cloned agents and of those that clone nothing but share their model."""
    table = generalization(study)
    cloned = table["agent"].isin(OFFLINE)
    if not cloned.any():
        raise Absent("no cloned agent was trained")
    return table[cloned | table["agent"].isin(["gflan", *REFERENCES])]


def policy_evolution(study: Study) -> pd.DataFrame:
    """Probability of each action on each probe, of the first condition that was probed along training."""
    probes = study.usual(study.table("probes"))
    for agent, model in study.looks:
        rows = probes[(probes["agent"] == agent) & (probes["model"] == model)]
        if rows["frames"].nunique() > 1:
            by = [*WHO, "probe", "action", "expected", "frames"]
            return _summary(rows.rename(columns={"probability": "score"}).assign(n_episodes=1), by)
    raise Absent("no agent was probed at more than one point of training")


def expected_action(study: Study) -> pd.DataFrame:
    """Probability of the expected action on each probe, of every condition."""
    rows = study.usual(study.table("probes"))
    rows = rows[rows["expected"]].rename(columns={"probability": "score"}).assign(n_episodes=1)
    return _summary(rows, [*WHO, "probe", "frames"]).assign(band_low=np.nan, band_high=np.nan)


def _both_measures(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return mean success along training and at its end, with intervals, for each group."""
    points = _seed_means(rows, [*by, "run_id", "frames"])
    last = points["frames"] == points.groupby("run_id", observed=True)["frames"].transform("max")
    parts = []
    for measure, chosen in ((ALONG, points), (END, points[last])):
        seeds = chosen.groupby([*by, "seed"], observed=True, sort=False)
        scores = seeds.agg(score=("score", "mean"), n_episodes=("n_episodes", "sum")).reset_index()
        parts.append(_summary(scores, by).assign(measure=measure))
    return pd.concat(parts)


def _against(study: Study, quantity: str) -> pd.DataFrame:
    table = _both_measures(study.usual(study.episodes("sample-efficiency", "none")), WHO)
    values = study.factors.groupby(WHO, observed=True)[quantity].mean()
    table["value"] = [
        float(values.get((a, m), np.nan)) for a, m in zip(table["agent"], table["model"], strict=True)
    ]
    table = table[table["value"] > 0]
    if table.empty:
        raise Absent(f"no agent has {quantity}")
    return table


def _sweep(study: Study, factor: str) -> pd.DataFrame:
    chosen = study.sweep(factor).rename(columns={factor: "value"})
    rows = study.episodes("sample-efficiency", "none").merge(chosen, on="run_id")
    table = _both_measures(rows, ["value", *WHO])
    varied = table.groupby(WHO, observed=True)["value"].transform("nunique") > 1
    return table[varied]


def _seed_means(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    grouped = rows.groupby([*by, "seed"], observed=True, sort=False)["success"]
    return grouped.agg(score="mean", n_episodes="size").reset_index()


def _summary(
    scores: pd.DataFrame, by: Sequence[str], bounds: tuple[float, float] = (0.0, 1.0), test: bool = False
) -> pd.DataFrame:
    rows = []
    for key, group in scores.groupby(list(by), observed=True, sort=False):
        values = group["score"].to_numpy(dtype=float)
        n = len(values)
        half = stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        mean = values.mean()
        low, high = np.clip([mean - half, mean + half], *bounds) if n > 1 else (np.nan, np.nan)
        p = stats.ttest_1samp(values, 0).pvalue if test and n > 1 and values.std() else np.nan
        rows.append((*key, mean, low, high, n, int(group["n_episodes"].min()), p))
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "n_seeds", "n_episodes", "p_value"])


def _later(study: Study) -> pd.DataFrame:
    raise Absent("statistics pending")


aggregates = performance_profiles = probability_of_improvement = failures = _later
