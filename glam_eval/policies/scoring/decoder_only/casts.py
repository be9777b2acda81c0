"""Weights in the type that products are computed in: cast once while they stay as they are."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

# Of this process's optimizers: Adam's fused step changes a weight and leaves its version as it was.
_steps = [0]


def _count(*_: Any) -> None:
    _steps[0] += 1


register_optimizer_step_post_hook(_count)


class CastOnce:
    """Weights in another type, cast anew when an optimizer stepped or others were loaded into them."""

    def __init__(self) -> None:
        self._cast: tuple[list[tuple[int, int, int]], torch.Tensor] | None = None

    def __call__(self, weights: Sequence[torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
        """Return weights one above the other in a type, without a gradient; one of that type itself."""
        if len(weights) == 1 and weights[0].dtype == dtype:
            return weights[0].detach()
        state = [
            (weight.data_ptr(), weight._version, _steps[0] if weight.requires_grad else 0)
            for weight in weights
        ]
        if self._cast is None or self._cast[0] != state or self._cast[1].dtype != dtype:
            self._cast = state, torch.cat([weight.detach().to(dtype) for weight in weights])
        return self._cast[1]
