"""Efficiency: success weighted by how much longer than BabyAI's bot an agent took."""

import numpy as np
import pandas as pd

from glam_eval.statistics.cells import require_columns


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
