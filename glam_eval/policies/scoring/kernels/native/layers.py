"""Whole layers of T5 in C on tensors: float32, on a CPU, contiguous; every width is a multiple of 16."""

import ctypes
from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import torch

from glam_eval.policies.scoring.kernels.native.library import parts, run
from glam_eval.policies.scoring.kernels.native.structures import (
    DecoderActivations,
    DecoderLayer,
    DecoderWeights,
    EncoderActivations,
    EncoderLayer,
    EncoderWeights,
    shape_of,
)

VECTOR = 16  # floats, of the widest processors: what widths are multiples of


def _transposed(weights: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(weight.T.contiguous() for weight in weights)


def _sums(count: int, *like: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Return zeros for each part of a range to add gradients to."""
    return [tuple(torch.zeros_like(each) for each in like) for _ in range(parts(count))]


def _added(sums: list[tuple[torch.Tensor, ...]]) -> tuple[torch.Tensor, ...]:
    """Return the parts' gradients added up, in their order."""
    return tuple(reduce(torch.add, column) for column in zip(*sums, strict=True))


def _encoder_layer(
    lengths: torch.Tensor, weights: EncoderWeights, heads: int, epsilons: tuple[float, ...]
) -> EncoderLayer:
    states, columns = weights.from_attention.shape
    shape = shape_of(lengths, heads, columns // heads)
    return EncoderLayer(shape, states, weights.from_inner.shape[1], (ctypes.c_float * 2)(*epsilons))


def encoder_layer_forward(
    tensors: Sequence[torch.Tensor], lengths: torch.Tensor, epsilons: tuple[float, ...], keep: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Return a layer's states (T, d_model), and ``EncoderActivations`` if the backward pass will come.

    Args:
        tensors: states of packed tokens, (T, d_model); ``EncoderWeights``; position bias, of shape
            (heads, 2 longest - 1).
        lengths: of the prompts, int64.
        epsilons: of the two norms.
        keep: whether it will.
    """
    hidden, *projections, bias = tensors
    weights = EncoderWeights(*projections)
    output, layer = torch.empty_like(hidden), _encoder_layer(lengths, weights, len(bias), epsilons)
    kept: tuple[torch.Tensor, ...] = ()
    if keep:
        three, attended, two = len(weights[0]), weights.from_attention.shape[1], len(weights.gate_and_linear)
        widths = (three, 2 * len(bias), attended, hidden.shape[1], two)
        kept = EncoderActivations(*(hidden.new_empty(len(hidden), width) for width in widths))
    transposed = _transposed(weights)
    described = ctypes.byref(layer)
    run("encoder_layer_forward", len(lengths), described, transposed, bias, hidden, kept or None, output)
    return output, kept


def encoder_layer_backward(
    tensors: Sequence[torch.Tensor],
    kept: tuple[torch.Tensor, ...],
    lengths: torch.Tensor,
    epsilons: tuple[float, ...],
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """Return the gradients by ``tensors`` from the one by the output; the rest is as in the forward pass."""
    hidden, *projections, bias = tensors
    weights = EncoderWeights(*projections)
    layer = _encoder_layer(lengths, weights, len(bias), epsilons)
    to_hidden, sums = torch.empty_like(hidden), _sums(len(lengths), *weights, bias)
    read = (tuple(weights), bias, hidden, kept, gradient.contiguous())
    written = (to_hidden, [part[:-1] for part in sums], [part[-1] for part in sums])
    run("encoder_layer_backward", len(lengths), ctypes.byref(layer), *read, *written)
    return to_hidden, *_added(sums)


def _decoder_layer(
    lengths: torch.Tensor, weights: DecoderWeights, bias: torch.Tensor, epsilons: tuple[float, ...]
) -> DecoderLayer:
    states, columns = weights.from_attention.shape
    biases, heads, nodes, _ = bias.shape
    shape = shape_of(lengths, heads, columns // heads)
    inner = weights.from_inner.shape[1]
    return DecoderLayer(shape, states, inner, nodes, biases, (ctypes.c_float * 3)(*epsilons))


def _room_for_activations(
    hidden: torch.Tensor, encoded: torch.Tensor, weights: DecoderWeights, bias: torch.Tensor
) -> DecoderActivations:
    rows, states = hidden.shape
    columns, inner = weights.from_attention.shape[1], weights.from_inner.shape[1]
    _, heads, nodes, _ = bias.shape
    seen, queries = (-(-count // VECTOR) * VECTOR for count in (nodes, nodes * heads))
    turned = heads * states
    widths = (3 * columns, heads * seen, columns, states, columns, turned, turned, columns, states, 2 * inner)
    sizes = [*((rows, width) for width in widths), (len(encoded), queries)]
    return DecoderActivations(*(hidden.new_empty(size) for size in sizes))


def decoder_layer_forward(
    tensors: Sequence[torch.Tensor], lengths: torch.Tensor, epsilons: tuple[float, ...], keep: bool
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Return a layer's states (n N, d_model), and ``DecoderActivations`` if the backward pass will come.

    Args:
        tensors: states of the nodes of n trees, (n N, d_model); encodings of packed prompts, (T, d_model);
            ``DecoderWeights``; bias by depth, -inf where a node doesn't see another, (n, heads, N, N), or
            (1, heads, N, N) for all trees.
        lengths: of the prompts, int64.
        epsilons: of the three norms.
        keep: whether it will.
    """
    hidden, encoded, *projections, bias = tensors
    weights = DecoderWeights(*projections)
    output, layer = torch.empty_like(hidden), _decoder_layer(lengths, weights, bias, epsilons)
    kept = _room_for_activations(hidden, encoded, weights, bias) if keep else ()
    transposed = DecoderWeights(*_transposed(weights))._replace(keys=weights.keys)
    read = (transposed, bias, encoded, hidden)
    run("decoder_layer_forward", len(lengths), ctypes.byref(layer), *read, kept or None, output)
    return output, kept


def decoder_layer_backward(
    tensors: Sequence[torch.Tensor],
    kept: tuple[torch.Tensor, ...],
    lengths: torch.Tensor,
    epsilons: tuple[float, ...],
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """Return the gradients by ``tensors`` from the one by the output; the rest is as in the forward pass."""
    hidden, encoded, *projections, bias = tensors
    weights = DecoderWeights(*projections)
    layer = _decoder_layer(lengths, weights, bias, epsilons)
    to_hidden, to_encoded = torch.empty_like(hidden), torch.empty_like(encoded)
    sums = _sums(len(lengths), *weights, bias)
    transposed = weights._replace(keys=weights.keys.T.contiguous())
    read = (transposed, encoded, hidden, kept, gradient.contiguous())
    written = (to_hidden, to_encoded, [part[:-1] for part in sums], [part[-1] for part in sums])
    run("decoder_layer_backward", len(lengths), ctypes.byref(layer), *read, *written)
    return to_hidden, to_encoded, *_added(sums)


class Layer(NamedTuple):
    """The two passes of a kind of layer."""

    forward: Callable[
        [Sequence[torch.Tensor], torch.Tensor, tuple[float, ...], bool],
        tuple[torch.Tensor, tuple[torch.Tensor, ...]],
    ]
    backward: Callable[
        [Sequence[torch.Tensor], tuple[torch.Tensor, ...], torch.Tensor, tuple[float, ...], torch.Tensor],
        tuple[torch.Tensor, ...],
    ]


ENCODER = Layer(encoder_layer_forward, encoder_layer_backward)
DECODER = Layer(decoder_layer_forward, decoder_layer_backward)
