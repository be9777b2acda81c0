"""A whole layer of T5's encoder in one compiled call, where its weights fit a core's cache.

Prompts pass through it one after the other, so that small models don't spend their time on moving states.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.kernels import native
from glam_eval.policies.scoring.kernels.native import LayerActivations, LayerWeights

MOST_STATES = 128  # d_model; at 256, products by torch's library, blocked for caches, are half again as fast
MULTIPLE = 16  # of all widths: a vector of the widest processors


class _CompiledLayer(torch.autograd.Function):
    """The layer with gradients by its input, weights and bias; attention's probabilities are recomputed."""

    @staticmethod
    def forward(
        ctx: Any, lengths: torch.Tensor, epsilons: tuple[float, float], *tensors: torch.Tensor
    ) -> torch.Tensor:
        """Return the layer's states; ``tensors`` are its input, the weights and the bias."""
        hidden, *weights, bias = tensors
        output, kept = native.encoder_layer_forward(
            hidden, LayerWeights(*weights), bias, lengths, epsilons, keep=any(ctx.needs_input_grad)
        )
        ctx.lengths, ctx.epsilons = lengths, epsilons
        ctx.save_for_backward(hidden, *weights, bias, *(kept or ()))
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by input, weights and bias."""
        hidden, *rest = ctx.saved_tensors
        weights, bias, kept = LayerWeights(*rest[:4]), rest[4], LayerActivations(*rest[5:])
        gradients = native.encoder_layer_backward(
            hidden, weights, bias, ctx.lengths, ctx.epsilons, kept, gradient
        )
        return None, None, *gradients


def fits_compiled_layer(hidden: torch.Tensor, *widths: int) -> bool:
    """Tell whether the compiled layer takes states (T, d_model) and a layer's other widths."""
    fits = hidden.shape[1] <= MOST_STATES and not any(
        width % MULTIPLE for width in (hidden.shape[1], *widths)
    )
    return fits and native.usable(hidden) and not torch.is_autocast_enabled("cpu")


def encoder_layer(
    hidden: torch.Tensor,
    weights: LayerWeights,
    bias: torch.Tensor,
    lengths: Sequence[int],
    epsilons: tuple[float, float],
) -> torch.Tensor:
    """Return the layer's states of packed tokens, (T, d_model) like ``hidden``.

    Args:
        hidden: states, float32.
        weights: of the projections.
        bias: by relative position, (heads, 2 longest - 1).
        lengths: of the prompts.
        epsilons: of the norms before attention and before the feed-forward layer.
    """
    tensors = (each.contiguous() for each in (hidden, *weights, bias))
    output: torch.Tensor = _CompiledLayer.apply(torch.tensor(lengths), epsilons, *tensors)  # type: ignore[no-untyped-call]
    return output
