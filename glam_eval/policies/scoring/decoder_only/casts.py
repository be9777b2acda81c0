"""Frozen weights in the type that products are computed in: cast once while they stay as they are.

Not those that learn: Adam's fused step changes a weight and leaves its version as it was.
"""

import torch


class CastOnce:
    """A frozen weight in another type, cast anew when another was loaded or written into it."""

    def __init__(self) -> None:
        self._cast: tuple[tuple[int, int], torch.Tensor] | None = None

    def __call__(self, weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return a weight in a type; itself where it is of that type."""
        if weight.dtype == dtype:
            return weight
        state = weight.data_ptr(), weight._version
        if self._cast is None or self._cast[0] != state or self._cast[1].dtype != dtype:
            self._cast = state, weight.detach().to(dtype)
        return self._cast[1]
