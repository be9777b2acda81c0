"""Frozen weights in the type that products are computed in: cast once while they stay as they are.

Not those that learn: Adam's fused step changes a weight and leaves its version as it was.
"""

from collections.abc import Sequence

import torch


class CastOnce:
    """Frozen weights in another type, cast anew when others were loaded or written into them."""

    def __init__(self) -> None:
        self._cast: tuple[list[tuple[int, int]], torch.Tensor] | None = None

    def __call__(self, weights: Sequence[torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
        """Return weights one above the other in a type; a single one of that type itself."""
        if len(weights) == 1 and weights[0].dtype == dtype:
            return weights[0]
        state = [(weight.data_ptr(), weight._version) for weight in weights]
        if self._cast is None or self._cast[0] != state or self._cast[1].dtype != dtype:
            self._cast = state, torch.cat([weight.detach().to(dtype) for weight in weights])
        return self._cast[1]
