"""How episodes fail: a category each, and the categories' shares."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from glam_eval.statistics.cells import final_checkpoints, require_columns
from glam_eval.statistics.summaries import success_by

CATEGORIES = ("success", "wrong_order", "wrong_object", "stuck_on_wall", "oscillating", "wandering")
STUCK = 0.5  # share of steps that walls and objects stopped, from which an agent counts as stuck
PERIODIC = 0.9  # share of the second half's steps that repeat the action one period before
LONGEST_PERIOD = 4  # turning on the spot (1), left-right (2), a square of turns and steps (4)


def classify(episodes: pd.DataFrame) -> pd.Series:
    """Return each episode's category: success, or the first of these that holds.

    ``wrong_order`` did a later part of the goal first; ``wrong_object`` touched what the goal does not name;
    ``stuck_on_wall`` had half of its steps stopped; ``oscillating`` spent its second half repeating at most 4
    actions; ``wandering`` ran out of time in any other way. Raises ``UserError`` for missing columns.
    """
    needed = ["success", "wrong_order", "wrong_object", "steps_blocked", "length", "actions"]
    require_columns(episodes, needed, "episodes")
    tests = [
        episodes["success"].to_numpy(dtype=bool),
        episodes["wrong_order"].to_numpy(dtype=bool),
        episodes["wrong_object"].to_numpy(dtype=bool),
        (episodes["steps_blocked"] >= STUCK * episodes["length"].clip(lower=1)).to_numpy(),
        _is_periodic(episodes["actions"].astype(str)),
    ]
    chosen = np.select(tests, range(len(tests)), default=len(tests))
    return pd.Series(
        np.array(CATEGORIES, dtype=object)[chosen], index=episodes.index, name="category", dtype=str
    )


def failures(
    episodes: pd.DataFrame, *, by: Sequence[str] = ("protocol", "shift", "agent", "model")
) -> pd.DataFrame:
    """Return the share of each category in every condition, at each run's last checkpoint.

    Columns: ``by``, category, mean, low, high, n_seeds, n_episodes; the means of a condition sum to 1.
    """
    final = final_checkpoints(episodes)
    category = classify(final)
    parts = [
        success_by(final.assign(success=category == name), by).assign(category=name) for name in CATEGORIES
    ]
    measured = ["category", "mean", "low", "high", "n_seeds", "n_episodes"]
    return pd.concat(parts, ignore_index=True)[[*by, *measured]].sort_values(
        list(by), kind="stable", ignore_index=True
    )


def _is_periodic(actions: pd.Series) -> NDArray[np.bool_]:
    """Return whether each text's second half repeats with a period of at most ``LONGEST_PERIOD``.

    All texts are compared at once as one array of bytes. Halves shorter than two periods never count.
    """
    lengths = actions.str.len().to_numpy(dtype=np.int64)
    ends = np.cumsum(lengths)
    starts = ends - lengths // 2
    joined = np.frombuffer("".join(actions).encode("ascii"), dtype=np.uint8)
    periodic = np.zeros(len(actions), dtype=bool)
    for period in range(1, LONGEST_PERIOD + 1):
        repeats = np.zeros(len(joined) + 1, dtype=np.int64)
        repeats[period + 1 :] = np.cumsum(joined[period:] == joined[:-period])
        compared = ends - starts - period
        matched = repeats[ends] - repeats[np.minimum(starts + period, ends)]
        periodic |= (compared >= period) & (matched >= PERIODIC * compared)
    return periodic
