"""T5's gated activation in few passes over memory, with the gradient written by hand."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.kernels import native
from glam_eval.policies.scoring.kernels.aten import gelu_gradient

GELU = "gelu_new"
# gelu in its tanh form (Hendrycks and Gimpel, arXiv 1606.08415) is x sigmoid(LINEAR x + CUBIC x^3).
LINEAR = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715 * LINEAR
CHUNK = 1 << 16  # elements whose intermediate results stay in the cache: 256 KiB of float32


def _gelu_times(gate: torch.Tensor, factor: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Write gelu(gate) * factor, each (rows, columns).

    On a CPU by sigmoid, a chunk at a time: in float32 that takes two thirds of what gelu's own kernel does.
    """
    if gate.device.type != "cpu" or gate.dtype != torch.float32:
        return torch.mul(F.gelu(gate, approximate="tanh"), factor, out=out)
    rows = max(1, CHUNK // gate.shape[1])
    linear = gate.new_tensor(LINEAR)
    for x, y, result in zip(*(torch.split(each, rows) for each in (gate, factor, out)), strict=True):
        torch.addcmul(linear, x, x, value=CUBIC, out=result).mul_(x).sigmoid_().mul_(x).mul_(y)
    return out


class CompiledGatedGelu(torch.autograd.Function):
    """gelu(first half) * second half of rows (n, 2 columns), saving nothing but its input."""

    @staticmethod
    def forward(ctx: Any, inner: torch.Tensor) -> torch.Tensor:
        """Return the product, (n, columns)."""
        ctx.save_for_backward(inner)
        return native.gated_gelu(inner)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient by the input, of which all is computed again."""
        (inner,) = ctx.saved_tensors
        return native.gated_gelu_backward(inner, gradient)


class GatedGelu(torch.autograd.Function):
    """The same in torch's operations."""

    @staticmethod
    def forward(ctx: Any, inner: torch.Tensor) -> torch.Tensor:
        """Return the product, (n, columns)."""
        ctx.save_for_backward(inner)
        gate, linear = inner.chunk(2, dim=1)
        return _gelu_times(gate, linear, inner.new_empty(gate.shape))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient by the input, of which all is computed again."""
        (inner,) = ctx.saved_tensors
        gate, linear = inner.chunk(2, dim=1)
        output = torch.empty_like(inner)
        to_gate, to_linear = output.chunk(2, dim=1)
        _gelu_times(gate, gradient, to_linear)
        gelu_gradient(gradient * linear, gate, to_gate)
        return output


def gated_activation(inner: torch.Tensor, activation: Any) -> torch.Tensor:
    """Return activation(first half) * second half of each row, (n, 2 d_ff) -> (n, d_ff)."""
    gate, linear = inner.chunk(2, dim=1)
    product: torch.Tensor = activation(gate) * linear
    return product
