"""Success of training against one thing: a setting that runs differ in, or what a run is or costs."""

import numpy as np
import pandas as pd

from glam_eval.figures.study import Absent, Study
from glam_eval.figures.tables.estimates import WHO, along_and_at_end


def success_against_setting(study: Study, episodes: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Return success along and at the end of training against a setting that agents were trained with.

    Args:
        study: Tells which runs differ from its usual ones in the setting alone.
        episodes: Those of one protocol and shift, of all runs.
        setting: A factor of ``Study.sweep``.

    Returns:
        Columns of ``along_and_at_end`` by value (of the setting), agent and model.

    Raises:
        Absent: If no agent was trained with two values of the setting.
    """
    chosen = study.sweep(setting).rename(columns={setting: "value"})
    rows = episodes.drop(columns="value", errors="ignore").merge(chosen, on="run_id")  # not the critic's
    if rows["value"].nunique() < 2:
        raise Absent(f"only one {setting.replace('_', ' ')} was evaluated along training")
    table = along_and_at_end(rows, ["value", *WHO])
    varied = table.groupby(WHO, observed=True)["value"].transform("nunique") > 1
    if not varied.any():
        raise Absent(f"no agent was trained with two values of {setting.replace('_', ' ')}")
    return table[varied]


def success_against_quantity(study: Study, episodes: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return success along and at the end of training against a quantity of the runs.

    Args:
        study: Holds the runs.
        episodes: Those of one protocol and shift, of the study's usual runs.
        quantity: "parameters" (of the policy) or "seconds" (of a run); the mean over an agent's runs.

    Returns:
        Columns of ``along_and_at_end`` by agent and model, and value (the quantity, above 0).

    Raises:
        Absent: If no agent has the quantity.
    """
    table = along_and_at_end(episodes, WHO)
    values = study.usual(study.factors).groupby(WHO, observed=True)[quantity].mean()
    table["value"] = [
        float(values.get((a, m), np.nan)) for a, m in zip(table["agent"], table["model"], strict=True)
    ]
    table = table[table["value"] > 0]
    if table.empty:
        raise Absent(f"no agent has {quantity}")
    return table
