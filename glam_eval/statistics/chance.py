"""Chance: the best agent of a study that never knows the goal. What it reaches takes no reading."""

from collections.abc import Sequence

import pandas as pd

from glam_eval.config.agents import known_agent
from glam_eval.statistics.cells import tabulate


def is_goal_blind(agent: str) -> bool:
    """Return whether an agent never knows the goal, as its entry in the registry says."""
    known = known_agent(agent)
    return known is not None and known.goal_blind


def has_weights(agent: str) -> bool:
    """Return whether seeds of an agent may be other weights: not of planners and draws, the references."""
    known = known_agent(agent)
    return known is None or known.role != "reference"


def goal_blind(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return a mask of the rows of agents that never know the goal."""
    names = [name for name in table["agent"].unique() if is_goal_blind(str(name))]
    return table["agent"].isin(names)


def chance(episodes: pd.DataFrame, by: Sequence[str], value: str = "success") -> pd.DataFrame:
    """Return the best goal-blind agent and model of every group: ``by``, agent, model, mean.

    A group in which none was played has no row. Equal ones: the first by name.
    """
    columns = [*by, "agent", "model", "mean"]
    rows = episodes[goal_blind(episodes)]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    cells = tabulate(rows, [*by, "agent", "model"], value)
    means = pd.DataFrame(cells.seed_means()).mean(axis=1)
    ranked = cells.conditions.assign(mean=means.to_numpy()).sort_values(
        ["mean", "agent", "model"], ascending=[False, True, True], kind="stable"
    )
    best = ranked.drop_duplicates(list(by)) if by else ranked.head(1)
    return best.sort_index()[columns].reset_index(drop=True)


def best_goal_blind(episodes: pd.DataFrame, value: str = "success") -> tuple[str, str] | None:
    """Return the agent and model that are chance in these episodes; None where all agents know their goal."""
    best = chance(episodes, (), value)
    return None if best.empty else (str(best["agent"].iloc[0]), str(best["model"].iloc[0]))
