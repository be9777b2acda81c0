"""Scores relative to BabyAI's bot: how efficiently, and how far between chance and the bot."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glam_eval.config.agents import normalising_agents
from glam_eval.core.errors import UserError
from glam_eval.statistics.cells import final_checkpoints, require_columns, tabulate
from glam_eval.statistics.inference.estimates import Estimate
from glam_eval.statistics.inference.intervals import estimate_mean

FLOOR, CEILING = normalising_agents()


def add_efficiency(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return the episodes that the bot solves, with ``efficiency``: success x bot_length / longer length.

    1 is a success as quick as the bot's, 0 a failure: success weighted by path length (Anderson et al. 2018,
    arXiv 1807.06757) with the bot's path for the shortest.
    """
    require_columns(episodes, ["success", "length", "bot_length"], "episodes")
    solved = episodes[episodes["bot_length"] >= 0]
    bot = solved["bot_length"].to_numpy(dtype=np.float64)
    longer = np.maximum(np.maximum(bot, solved["length"].to_numpy(dtype=np.float64)), 1.0)
    return solved.assign(
        efficiency=solved["success"].to_numpy(dtype=np.float64) * np.maximum(bot, 1.0) / longer
    )


def normalized_scores(
    episodes: pd.DataFrame,
    *,
    floor: str = FLOOR,
    ceiling: str = CEILING,
    by: Sequence[str] = ("protocol", "shift"),
) -> pd.DataFrame:
    """Return success rescaled so that the ``floor`` agent's is 0 and the ``ceiling`` agent's is 1.

    Columns: ``by``, agent, model, mean, low, high, n_seeds, n_episodes, from each run's last checkpoint. The
    interval is the agent's; floor and ceiling count as known. NaN where a group lacks one of the two, or
    the ceiling is not above the floor. Raises ``UserError`` if no episode is of one of the two agents.
    """
    final = final_checkpoints(episodes)
    names = set(final["agent"].astype(str))
    for agent in (floor, ceiling):
        if agent not in names:
            raise UserError(f"no episodes of agent {agent!r}, which scores are normalised by")
    cells = tabulate(final, [*by, "agent", "model"])
    estimates = [estimate_mean(cells.matrix(row), "proportion") for row in range(len(cells.conditions))]
    means = cells.conditions.assign(mean=[estimate.value for estimate in estimates])
    ends = means.groupby([*by, "agent"], observed=True)["mean"].mean().to_dict()
    rows = []
    for condition, estimate in zip(cells.conditions.itertuples(index=False), estimates, strict=True):
        group = tuple(condition[: len(by)])
        low, high = ends.get((*group, floor), np.nan), ends.get((*group, ceiling), np.nan)
        rows.append((*condition, *_rescaled(estimate, low, high), estimate.n_seeds, estimate.n_episodes))
    columns = [*by, "agent", "model", "mean", "low", "high", "n_seeds", "n_episodes"]
    return pd.DataFrame(rows, columns=columns)


def _rescaled(estimate: Estimate, floor: float, ceiling: float) -> tuple[float, float, float]:
    if not ceiling > floor:
        return np.nan, np.nan, np.nan
    low, high = estimate.interval()
    value, low, high = ((end - floor) / (ceiling - floor) for end in (estimate.value, low, high))
    return value, low, high
