"""Batches of inputs of unlike sizes."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def micro_batches(
    costs: Sequence[int], keys: Sequence[Hashable | None], limit: int
) -> Iterator[NDArray[np.int64]]:
    """Yield indices of inputs, in order of cost, in parts of at most ``limit`` padded tokens.

    Inputs of equal keys (None equals nothing) are computed once, so they share a part and count once. A part
    holds at least one input, however costly.
    """
    equals: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        equals.setdefault(index if key is None else key, []).append(index)
    part: list[int] = []
    distinct = 0
    for members in sorted(equals.values(), key=lambda members: costs[members[0]]):
        if part and (distinct + 1) * costs[members[0]] > limit:
            yield np.array(part)
            part, distinct = [], 0
        part += members
        distinct += 1
    if part:
        yield np.array(part)
