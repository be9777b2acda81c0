"""Generalized advantage estimation (Schulman et al., arXiv 1506.02438)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def generalized_advantages(
    rewards: Floats,
    values: Floats,
    ends: NDArray[np.bool_],
    last_values: Floats,
    discount: float,
    gae_lambda: float,
    cut_values: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return advantages and returns, each (T, n).

    ``rewards``, ``values`` and ``ends`` are (T, n); ``last_values`` (n,) is the critic after the last step.
    Where an episode ended by time, ``cut_values`` (T, n) holds the critic's value of the state it was cut
    off in, and the return continues with it; without ``cut_values`` time-outs are terminal, as in the paper.
    """
    advantages = np.zeros_like(rewards)
    next_values, running = last_values, np.zeros_like(last_values)
    for t in reversed(range(len(rewards))):
        continues = ~ends[t]
        following = np.where(continues, next_values, 0.0 if cut_values is None else cut_values[t])
        delta = rewards[t] + discount * following - values[t]
        running = delta + discount * gae_lambda * continues * running
        advantages[t] = running
        next_values = values[t]
    return advantages, advantages + values
