"""T5's layer norm in few passes over memory, with the gradient written by hand."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.kernels import native


class CompiledRMSNorm(torch.autograd.Function):
    """x / rms(x) over the last dimension of rows: T5's layer norm without its weight."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Return the rows, (n, d), and keep them with their factors."""
        normed, scale = native.rms_norm(hidden, epsilon)
        ctx.save_for_backward(normed, scale)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient by the rows before the norm."""
        normed, scale = ctx.saved_tensors
        return native.rms_norm_backward(normed, scale, gradient), None


class RMSNorm(torch.autograd.Function):
    """The same in torch's operations."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Return the rows, (n, d), and keep them with their factors."""
        squares = _products(hidden, hidden)
        scale = squares.div_(hidden.shape[-1]).add_(epsilon).rsqrt_()
        normed: torch.Tensor = hidden * scale
        ctx.save_for_backward(normed, scale)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient by the rows before the norm."""
        normed, scale = ctx.saved_tensors
        mean = _products(gradient, normed).div_(-normed.shape[-1])
        return torch.addcmul(gradient, normed, mean).mul_(scale), None


def _products(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the dot products of rows, (n, 1), in the rows' own precision: autocast would take bfloat16."""
    with torch.autocast(one.device.type, enabled=False):
        products: torch.Tensor = torch.linalg.vecdot(one, other)
    return products.unsqueeze(-1)
