"""What all tables share: who is compared, the random stream of a figure, success along and after training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glam_eval.core.seeds import stream
from glam_eval.statistics import learning_gains, sample_efficiency, success_by
from glam_eval.statistics.curves import GAIN

WHO = ["agent", "model"]
ALONG, END = "mean along training", "at the end of training"
START, GAINED = "before training", "along training − start"


def generator(figure: str) -> np.random.Generator:
    """Return the random stream of a figure's bootstrap: the same at every drawing."""
    return stream(0, "figures", figure)


def along_and_at_end(episodes: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return success along training (area under the curve) and at its end for every group, as ``measure``.

    Args:
        episodes: Those of one protocol and shift, at every checkpoint.
        by: Columns that make a group.

    Returns:
        Columns ``by``, mean, low, high, n_seeds, n_episodes and measure (``ALONG`` or ``END``); the area is
        missing where no run has two evaluation points.
    """
    runs = episodes.groupby("run_id", observed=True)["frames"]
    end = success_by(episodes[episodes["frames"] == runs.transform("max")], by).assign(measure=END)
    if runs.nunique().max() < 2:
        return end
    areas = sample_efficiency(episodes, by=by, thresholds=(0.5,))
    areas = areas.rename(columns={"area": "mean", "area_low": "low", "area_high": "high"}).assign(
        measure=ALONG
    )
    areas = areas.merge(end[[*by, "n_episodes"]], on=list(by))[list(end.columns)]
    return pd.concat([areas, end], ignore_index=True)


def from_the_start(episodes: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return success at the first checkpoint and the mean along training less it, as ``along_and_at_end``."""
    runs = episodes.groupby("run_id", observed=True)["frames"]
    start = success_by(episodes[episodes["frames"] == runs.transform("min")], by).assign(measure=START)
    if runs.nunique().max() < 2:
        return start
    gains = learning_gains(episodes, by=by)
    gains = gains[gains["measure"] == GAIN].assign(measure=GAINED)
    gains = gains.merge(start[[*by, "n_episodes"]], on=list(by))[list(start.columns)]
    return pd.concat([start, gains], ignore_index=True)
