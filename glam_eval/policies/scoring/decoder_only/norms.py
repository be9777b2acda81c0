"""Root-mean-square norms in one pass over memory within a tree's pass, where they can be compiled."""

from typing import Any

import torch
from torch import nn

from glam_eval.policies.scoring.decoder_only.attention import current_pass
from glam_eval.policies.scoring.kernels.choice import CompiledKernels, choose_kernels


class _Fast:
    """A norm's forward pass in float32 on a CPU within a pass over a tree; elsewhere it is the usual one."""

    def __init__(self, norm: Any, kernels: CompiledKernels) -> None:
        self._norm, self._usual, self._kernels = norm, norm.forward, kernels

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the normed states (..., d) of states (..., d)."""
        if current_pass() is None or hidden.device.type != "cpu" or hidden.dtype != torch.float32:
            usual: torch.Tensor = self._usual(hidden)
            return usual
        normed = self._kernels.rms_norm(hidden.flatten(0, -2), self._norm.variance_epsilon)
        output: torch.Tensor = self._norm.weight * normed.view(hidden.shape)
        return output


def speed_up_norms(model: Any) -> None:
    """Give a model's norms that are Llama's the forward pass of this file."""
    kernels = choose_kernels(model.device)
    if not isinstance(kernels, CompiledKernels):
        return
    for norm in model.modules():
        if _is_plain(norm) and not isinstance(norm.forward, _Fast):
            norm.forward = _Fast(norm, kernels)


@torch.no_grad()
def _is_plain(norm: nn.Module) -> bool:
    """Whether a module divides by the root mean square and multiplies by its weight: others add to that."""
    epsilon, weight = getattr(norm, "variance_epsilon", None), getattr(norm, "weight", None)
    if epsilon is None or weight is None or weight.dtype != torch.float32 or weight.device.type != "cpu":
        return False
    states = torch.linspace(-1, 1, 2 * len(weight)).view(2, -1)
    expected = nn.functional.rms_norm(states, weight.shape, weight, epsilon)
    return torch.allclose(norm(states), expected, rtol=1e-5, atol=1e-6)
