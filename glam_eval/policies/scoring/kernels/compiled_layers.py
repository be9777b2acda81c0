"""Whole layers of T5 in one compiled call each, where their weights fit a core's cache.

Small models otherwise spend their time on moving states and on calls of small operations.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.kernels.native.layers import DECODER, ENCODER, VECTOR, Layer
from glam_eval.policies.scoring.kernels.native.structures import DecoderWeights, EncoderWeights
from glam_eval.policies.scoring.weights import weight_of, weights_after

MOST_STATES = 128  # d_model; at 256, products by torch's library, blocked for caches, are half again as fast


class _CompiledLayer(torch.autograd.Function):
    """A layer of a kind, with gradients by all of its tensors; attention to packed tokens is recomputed."""

    @staticmethod
    def forward(
        ctx: Any, kind: Layer, lengths: torch.Tensor, epsilons: tuple[float, ...], *tensors: torch.Tensor
    ) -> torch.Tensor:
        """Return the layer's states."""
        output, kept = kind.forward(tensors, lengths, epsilons, any(ctx.needs_input_grad))
        ctx.kind, ctx.lengths, ctx.epsilons, ctx.count = kind, lengths, epsilons, len(tensors)
        ctx.save_for_backward(*tensors, *kept)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by the tensors."""
        saved = ctx.saved_tensors
        tensors, kept = saved[: ctx.count], saved[ctx.count :]
        return None, None, None, *ctx.kind.backward(tensors, kept, ctx.lengths, ctx.epsilons, gradient)


def fits_compiled_layer(*widths: int) -> bool:
    """Tell whether a layer is worth a call: its d_model, given first, is small, all are whole vectors."""
    return widths[0] <= MOST_STATES and not any(width % VECTOR for width in widths)


def encoder_layer(
    block: Any, hidden: torch.Tensor, bias: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Return the states of packed tokens after a block of the encoder, (T, d_model) like ``hidden``.

    Args:
        block: Hugging Face's, with a gated gelu.
        hidden: states, float32.
        bias: by relative position, (heads, 2 longest - 1).
        lengths: of the prompts.
    """
    first, second = block.layer
    attention, dense = first.SelfAttention, second.DenseReluDense
    weights = EncoderWeights(
        weights_after(first.layer_norm, attention.q, attention.k, attention.v),
        weight_of(attention.o),
        weights_after(second.layer_norm, dense.wi_0, dense.wi_1),
        weight_of(dense.wo),
    )
    return _run(ENCODER, block, lengths, hidden, *weights, bias)


def decoder_layer(
    block: Any, hidden: torch.Tensor, bias: torch.Tensor, encoded: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """Return the states of trees' nodes after a block of the decoder, (n N, d_model) like ``hidden``.

    Args:
        block: Hugging Face's, with a gated gelu.
        hidden: states, float32.
        bias: by depth, -inf where a node doesn't see another, (n, heads, N, N), or (1, ...) for all trees.
        encoded: the encodings of packed prompts, (T, d_model).
        lengths: of the prompts.
    """
    first, second, third = block.layer
    attention, across, dense = first.SelfAttention, second.EncDecAttention, third.DenseReluDense
    heads = attention.n_heads
    weights = DecoderWeights(
        _widened(weights_after(first.layer_norm, attention.q, attention.k, attention.v), 3 * heads),
        _widened(weight_of(attention.o).T, heads).T,
        _widened(weights_after(second.layer_norm, across.q), heads),
        _widened(weight_of(across.k), heads),
        _widened(weight_of(across.v), heads),
        _widened(weight_of(across.o).T, heads).T,
        weights_after(third.layer_norm, dense.wi_0, dense.wi_1),
        weight_of(dense.wo),
    )
    return _run(DECODER, block, lengths, hidden, encoded, *weights, bias)


def _run(kind: Layer, block: Any, lengths: Sequence[int], *tensors: torch.Tensor) -> torch.Tensor:
    epsilons = tuple(layer.layer_norm.variance_epsilon for layer in block.layer)
    contiguous = (each.contiguous() for each in tensors)
    output: torch.Tensor = _CompiledLayer.apply(kind, torch.tensor(lengths), epsilons, *contiguous)  # type: ignore[no-untyped-call]
    return output


def _widened(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Return a weight of heads (heads width, d), with zeros behind each head's rows to whole vectors."""
    missing = -(len(weight) // heads) % VECTOR
    if not missing:
        return weight
    return F.pad(weight.reshape(heads, -1, weight.shape[1]), (0, 0, 0, missing)).flatten(0, 1)
