"""Normalised scores: 0 is the best agent that never knows the goal, 1 BabyAI's bot."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glam_eval.config.agents import normalising_agents
from glam_eval.statistics.cells import Cells, final_checkpoints, tabulate
from glam_eval.statistics.chance import is_goal_blind
from glam_eval.statistics.inference.metrics import FloatArray
from glam_eval.statistics.inference.scores import NO_SCORE, Score, score_between
from glam_eval.statistics.names import condition_name

_, CEILING = normalising_agents()


def normalized_scores(
    episodes: pd.DataFrame, *, by: Sequence[str] = ("protocol", "shift"), value: str = "success"
) -> pd.DataFrame:
    """Return (success - chance) / (bot - chance) of every agent in every group, from the last checkpoints.

    Chance is the best goal-blind agent played in the group: which agents are goal-blind says the registry.
    Columns: ``by``, agent, model, mean, low, high, chance (its success), chance_of (its name), ceiling (the
    bot's success), n_seeds, n_episodes, note (why a score has no interval). Intervals are of the score:
    agent, chance and bot all vary (``inference.scores``). The two references themselves have none. NaN where
    a group lacks one of the two, or the bot is not above chance.
    """
    cells = tabulate(final_checkpoints(episodes), [*by, "agent", "model"], value)
    means = np.array([np.nanmean(values) for values in cells.values])
    rows: list[tuple[object, ...]] = []
    for _, group in cells.conditions.groupby(list(by), sort=False):
        members = [int(row) for row in group.index]
        floor, ceiling = _references(cells, members, means)
        rows += [_row(cells, by, row, floor, ceiling, means) for row in members]
    measured = ["mean", "low", "high", "chance", "chance_of", "ceiling", "n_seeds", "n_episodes", "note"]
    return pd.DataFrame(rows, columns=[*by, "agent", "model", *measured])


def _references(cells: Cells, members: Sequence[int], means: FloatArray) -> tuple[int | None, int | None]:
    """Return the rows of the best goal-blind agent and of the bot among a group's."""
    agents = cells.conditions["agent"]
    blind = [row for row in members if is_goal_blind(str(agents[row]))]
    experts = [row for row in members if str(agents[row]) == CEILING]
    return max(blind, key=lambda row: means[row], default=None), next(iter(experts), None)


def _row(
    cells: Cells,
    by: Sequence[str],
    row: int,
    floor: int | None,
    ceiling: int | None,
    means: FloatArray,
) -> tuple[object, ...]:
    own = cells.conditions.iloc[row]
    counts = cells.counts[row]
    size = int((counts > 0).sum()), int(counts[counts > 0].min())
    who = (*(own[name] for name in by), own["agent"], own["model"])
    chance = np.nan if floor is None else means[floor]
    name = "" if floor is None else condition_name(*cells.conditions.loc[floor, ["agent", "model"]])
    best = np.nan if ceiling is None else means[ceiling]
    score = NO_SCORE if floor is None or ceiling is None else _score(cells, row, floor, ceiling)
    return *who, score.value, score.low, score.high, chance, name, best, *size, score.note


def _score(cells: Cells, row: int, floor: int, ceiling: int) -> Score:
    """Return the score on the scenes that all three played, by scene if every seed played each of them."""
    if row in (floor, ceiling):
        end = float(row == ceiling)
        apart = np.nanmean(cells.values[ceiling]) > np.nanmean(cells.values[floor])
        return Score(end, np.nan, np.nan) if apart else NO_SCORE
    teams = [cells.values[each] for each in (row, floor, ceiling)]
    scenes = np.logical_and.reduce([~np.isnan(values).all(axis=0) for values in teams])
    if not scenes.any():
        agent, blind, expert = (cells.matrix(each) for each in (row, floor, ceiling))
        return score_between(*(np.nanmean(m, axis=1, keepdims=True) for m in (agent, blind, expert)))
    kept = [values[:, scenes] for values in teams]
    agent, blind, expert = (values[~np.isnan(values).all(axis=1)] for values in kept)
    return score_between(agent, blind, expert)
