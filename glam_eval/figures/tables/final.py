"""Of trained agents: the episodes of their last checkpoints, all comparisons, the order of conditions."""

import pandas as pd

from glam_eval import statistics
from glam_eval.config.protocols import GOAL_MARK, condition_rank
from glam_eval.figures.identity import records
from glam_eval.figures.study import Study
from glam_eval.figures.tables.estimates import generator


def final_episodes(study: Study) -> pd.DataFrame:
    """Return the episodes of each usual run's last checkpoint, under all shifts of the final protocol.

    Conditions that tell another goal than the scene's, or none, ask whether it is read: they are no shifts.
    """
    rows = study.usual(study.final(study.final_protocol))
    return rows[~rows["shift"].astype(str).str.contains(GOAL_MARK, regex=False)]


def comparisons(study: Study) -> pd.DataFrame:
    """Return every comparison of the study's usual runs: the rows of ``ComparisonRecord``."""
    return statistics.compare(study.usual(study.table("episodes")), generator("comparisons"))


def in_display_order(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return rows sorted by shift as the named sets of conditions are, then by agent and model as drawn."""
    who = {condition: place for place, condition in enumerate(study.looks)}
    keys = [(condition_rank(r["shift"]), who[r["agent"], r["model"]]) for r in records(table)]
    return table.iloc[sorted(range(len(keys)), key=keys.__getitem__)].reset_index(drop=True)
