"""Batches of inputs of unlike sizes."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def micro_batches(costs: Sequence[int], limit: int) -> Iterator[NDArray[np.int64]]:
    """Yield indices of inputs, in order of cost, in parts of at most ``limit`` padded tokens.

    A part holds at least one input, however costly.
    """
    order = np.argsort(np.asarray(costs), kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * costs[order[stop]] <= limit:
            stop += 1
        yield order[start:stop]
        start = stop
