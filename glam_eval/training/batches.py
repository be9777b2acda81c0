"""Batches of inputs of unlike sizes."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glam_eval.policies.base import Policy, PrefixSharingPolicy
from glam_eval.policies.lanes import even_parts


def parts_of(policy: Policy, inputs: Sequence[Any], limit: int, lanes: int) -> list[NDArray[np.int64]]:
    """Return indices of inputs, in parts to compute at once, as the policy shares work among inputs.

    Args:
        policy: which computes them.
        inputs: prepared by it.
        limit: of the costs of ``lanes`` parts.
        lanes: parts side by side, as ``lane_count`` gives it.
    """
    sharing = policy.parts(inputs, limit, lanes) if isinstance(policy, PrefixSharingPolicy) else None
    if sharing is not None:
        return [np.array(part) for part in sharing]
    costs, keys = [policy.cost(each) for each in inputs], [policy.key(each) for each in inputs]
    return micro_batches(costs, keys, limit, lanes)


def micro_batches(
    costs: Sequence[int], keys: Sequence[Hashable | None], limit: int, lanes: int = 1
) -> list[NDArray[np.int64]]:
    """Return indices of inputs, in order of cost, in parts of which ``lanes`` have at most ``limit`` tokens.

    Inputs of equal keys (None equals nothing) are computed once, so they share a part and count once. A part
    holds at least one input, however costly. Tokens count as padded to the part's longest input. Lanes have
    as many parts, of like sizes.
    """
    equals: dict[Hashable, list[int]] = {}
    for index, key in enumerate(keys):
        equals.setdefault(index if key is None else key, []).append(index)
    distinct = sorted(equals.values(), key=lambda members: costs[members[0]])

    def cut(most: int) -> Iterator[list[list[int]]]:
        first = 0
        for end, members in enumerate(distinct):
            if end > first and (end + 1 - first) * costs[members[0]] > most:
                yield distinct[first:end]
                first = end
        if distinct:
            yield distinct[first:]

    return [np.array(list(chain.from_iterable(part))) for part in even_parts(cut, limit, lanes)]
