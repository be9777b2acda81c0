"""T5's relative positions: offsets of keys and queries, of which far ones share a bucket."""

import math
from typing import Any

import torch


def relative_position_bucket(
    offsets: torch.Tensor, bidirectional: bool, buckets: int, max_distance: int
) -> torch.Tensor:
    """Return T5's bucket of each offset (key position - query position), int64, same shape.

    Half of the buckets are exact, half logarithmic up to ``max_distance``: Raffel et al. 2020, section 2.1.

    Args:
        offsets: integers.
        bidirectional: whether keys after the query have buckets, half of all; else they share the first.
        buckets: how many there are.
        max_distance: from which on all offsets share the last.
    """
    base = torch.zeros_like(offsets)
    if bidirectional:
        buckets //= 2
        base = (offsets > 0).to(torch.int64) * buckets
        distance = offsets.abs()
    else:
        distance = (-offsets).clamp(min=0)
    exact = buckets // 2
    ratio = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (ratio * (buckets - exact)).to(torch.int64)).clamp(max=buckets - 1)
    return base + torch.where(distance < exact, distance, far)


class PositionBuckets:
    """The buckets of all offsets up to the largest that is told apart, in a table.

    Args:
        config: of a T5 model.
        bidirectional: whether the encoder's are wanted, or the decoder's.
    """

    def __init__(self, config: Any, bidirectional: bool) -> None:
        self._farthest = config.relative_attention_max_distance
        offsets = torch.arange(-self._farthest, self._farthest + 1)
        buckets = config.relative_attention_num_buckets
        self._table = relative_position_bucket(offsets, bidirectional, buckets, self._farthest)

    def __call__(self, offsets: torch.Tensor) -> torch.Tensor:
        """Return the buckets of offsets (key position - query position), int64, same shape."""
        near = offsets.clamp(-self._farthest, self._farthest)
        return self._table.to(offsets.device)[near + self._farthest]
