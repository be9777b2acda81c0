"""Batches of inputs of unlike sizes."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def micro_batches(
    costs: Sequence[int], keys: Sequence[Hashable | None], limit: int, lanes: int = 1
) -> Iterator[NDArray[np.int64]]:
    """Yield indices of inputs, in order of cost, in parts of which ``lanes`` have at most ``limit`` tokens.

    Inputs of equal keys (None equals nothing) are computed once, so they share a part and count once. A part
    holds at least one input, however costly. Tokens count as padded to the part's longest input.
    """
    equals: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        equals.setdefault(index if key is None else key, []).append(index)
    if lanes > 1:
        distinct_costs = [costs[members[0]] for members in equals.values()]
        limit = min(limit // lanes, sum(distinct_costs) // lanes + max(distinct_costs))
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
