"""What training does to a policy: the probes asked along it, and curves of one value a seed and moment."""

import numpy as np
import pandas as pd

from glam_eval import statistics
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import WHO, generator

BY = [*WHO, "seed", "frames", "run_id"]
ENTROPY, MARGINAL = "H(action | prompt) (nats)", "H(action) (nats)"
DRIFT, INFORMATION = "KL to the start (nats)", "I(action; prompt) (nats)"
IN_ROLLOUTS, CHANGED = "I(action; prompt) in rollouts (nats)", "likeliest action changed (share)"
MOMENTS = 60  # of training drawn at most: probes are asked after every update


def probes_along_training(study: Study) -> pd.DataFrame:
    """Return the probes of usual runs in the words of training, at evenly spread moments.

    Raises:
        Absent: If no probe was asked in the words of training.
    """
    rows = study.usual(study.table("probes"))
    if "shift" in rows:
        rows = rows[rows["shift"] == "none"]
    if rows.empty:
        raise Absent("no probe was asked in the words of training")
    moments = np.sort(rows["frames"].unique())
    kept = np.unique(np.linspace(0, len(moments) - 1, MOMENTS).round().astype(int))
    return rows[rows["frames"].isin(moments[kept])]


def answers_along_training(probes: pd.DataFrame) -> list[pd.DataFrame]:
    """Return entropy, distance from the first policy and what prompts tell of actions, a value a seed."""
    seeds = probes.groupby(BY, observed=True, sort=False)
    parts = [
        seeds[column].mean().rename("measured").reset_index().assign(measure=measure)
        for measure, column in ((ENTROPY, "entropy"), (DRIFT, "kl"))
    ]
    told = statistics.information(probes)
    for measure, column in ((MARGINAL, "entropy"), (INFORMATION, "mutual_information")):
        parts.append(told[BY].assign(measured=told[column], measure=measure))
    changed = statistics.changed_actions(probes)
    return [*parts, changed[BY].assign(measured=changed["changed"], measure=CHANGED)]


def information_in_rollouts(study: Study) -> pd.DataFrame:
    """Return what prompts told of actions in the batches of usual runs, a value an update; may be empty."""
    if "information" not in study.tables.get("training", pd.DataFrame()):
        return pd.DataFrame()
    rows = study.usual(study.table("training")).dropna(subset=["information"])
    return rows[BY].assign(measured=rows["information"], measure=IN_ROLLOUTS)


def curves_over_seeds(rows: pd.DataFrame, panel: str, value: str, figure: str) -> pd.DataFrame:
    """Return curves of a value along training, with bands over seeds.

    Args:
        rows: One row a seed, moment (frames) and panel, with run_id, agent and model.
        panel: Column whose values get a panel each.
        value: Column that is measured.
        figure: Name of the random stream.

    Returns:
        Columns agent, model, ``panel``, frames, mean, low, high, band_low, band_high and n_seeds.
    """
    rows = rows.assign(scene_seed=0)
    return statistics.learning_curves(rows, generator(figure), by=[*WHO, panel], value=value).drop(
        columns="n_episodes"
    )
