"""Linear layers in half precision: weights cast once for all passes of a step, and few products."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.decoder_only.casts import CastOnce


class _Linear(torch.autograd.Function):
    """x W^T + b, where W is given as it is and as it was cast; gradients are those that autocast gives."""

    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, cast: torch.Tensor, bias: torch.Tensor | None, *weights: torch.Tensor
    ) -> torch.Tensor:
        """Return (n, out) of states (n, in): ``cast`` (out, in) holds the weights one above the other."""
        ctx.save_for_backward(states, cast)
        ctx.kept, ctx.sizes = [each.dtype for each in weights], [len(each) for each in weights]
        return states @ cast.T if bias is None else torch.addmm(bias, states, cast.T)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of states, bias and weights."""
        states, cast = ctx.saved_tensors
        to_states, _, to_bias, *learn = ctx.needs_input_grad
        of_weights: list[torch.Tensor | None] = [None] * len(learn)
        if any(learn):
            every = (gradient.T @ states).split(ctx.sizes)
            of_weights = [
                each.to(kept) if learns else None
                for each, kept, learns in zip(every, ctx.kept, learn, strict=True)
            ]
        of_states = gradient @ cast if to_states else None
        return of_states, None, gradient.sum(0) if to_bias else None, *of_weights


class LinearTogether:
    """Linear layers that read the same states, as one product.

    Args:
        layers: plain ones.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        self._layers, self._cast = layers, CastOnce()

    def __call__(self, states: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
        """Return each layer's output (..., its out) of states (..., in), in a type."""
        weights = [layer.weight for layer in self._layers]
        output: torch.Tensor = _Linear.apply(
            states.to(dtype).flatten(0, -2),
            self._cast(weights, dtype),
            joint_bias(self._layers, dtype),
            *weights,
        )  # type: ignore[no-untyped-call]
        return torch.split(
            output.view(*states.shape[:-1], -1), [layer.out_features for layer in self._layers], -1
        )


def joint_bias(layers: Sequence[nn.Linear], dtype: torch.dtype) -> torch.Tensor | None:
    """Return the layers' biases one after the other, zero where one has none; None without any."""
    if all(layer.bias is None for layer in layers):
        return None
    every: list[torch.Tensor] = [
        layer.weight.new_zeros(layer.out_features) if layer.bias is None else layer.bias for layer in layers
    ]
    return torch.cat(every).to(dtype)
