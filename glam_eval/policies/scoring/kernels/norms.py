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
        squares = torch.linalg.vecdot(hidden, hidden).unsqueeze(-1)
        scale = squares.div_(hidden.shape[-1]).add_(epsilon).rsqrt_()
        normed: torch.Tensor = hidden * scale
        ctx.save_for_backward(normed, scale)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient by the rows before the norm."""
        normed, scale = ctx.saved_tensors
        mean = torch.linalg.vecdot(gradient, normed).unsqueeze(-1).div_(-normed.shape[-1])
        return torch.addcmul(gradient, normed, mean).mul_(scale), None
