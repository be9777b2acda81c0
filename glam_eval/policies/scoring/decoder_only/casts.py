"""Weights in the type that products are computed in: cast once for as long as they stay as they are."""

import torch


class CastOnce:
    """A weight in another type, cast anew when it has changed."""

    def __init__(self) -> None:
        self._cast: tuple[tuple[int, int], torch.Tensor] | None = None

    def __call__(self, weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return a weight that does not learn in a type; itself where it is of that type."""
        if weight.dtype == dtype:
            return weight
        state = weight.data_ptr(), weight._version
        if self._cast is None or self._cast[0] != state or self._cast[1].dtype != dtype:
            self._cast = state, weight.detach().to(dtype)
        return self._cast[1]
