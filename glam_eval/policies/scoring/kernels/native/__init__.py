"""The C kernels of this folder on tensors: float32 on a CPU. Whole layers are in ``layers``."""

import ctypes

import torch

from glam_eval.policies.scoring.kernels.native.library import run
from glam_eval.policies.scoring.kernels.native.structures import shape_of


def rms_norm(hidden: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (n, d) divided by its root mean square, and what it was multiplied by, (n,)."""
    hidden = hidden.contiguous()
    normed, scale = torch.empty_like(hidden), hidden.new_empty(len(hidden))
    run("rms_norm", *_rows(hidden), ctypes.c_float(epsilon), hidden, normed, scale)
    return normed, scale


def rms_norm_backward(normed: torch.Tensor, scale: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient by ``hidden`` from the one by ``normed``, (n, d).

    Args:
        normed: what ``rms_norm`` returned, (n, d).
        scale: and what it multiplied by, (n,).
        gradient: (n, d).
    """
    gradient, to_hidden = gradient.contiguous(), torch.empty_like(normed)
    run("rms_norm_backward", *_rows(normed), normed, scale, gradient, to_hidden)
    return to_hidden


def gated_gelu(inner: torch.Tensor) -> torch.Tensor:
    """Return gelu(first half) * second half of each row, (n, 2 columns) -> (n, columns)."""
    inner = inner.contiguous()
    output = inner.new_empty(len(inner), inner.shape[1] // 2)
    run("gated_gelu", *_rows(output), inner, output)
    return output


def gated_gelu_backward(inner: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient by ``inner`` from the one by the output."""
    inner, gradient = inner.contiguous(), gradient.contiguous()
    to_inner = torch.empty_like(inner)
    run("gated_gelu_backward", *_rows(gradient), inner, gradient, to_inner)
    return to_inner


def _rows(tensor: torch.Tensor) -> tuple[int, ctypes.c_int64]:
    return len(tensor), ctypes.c_int64(tensor.shape[1])


def attention_forward(
    projected: torch.Tensor, bias: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return softmax(q k + bias) v, (T, heads, d_kv), and what the backward pass needs, (heads, T, 2).

    Args:
        projected: queries, keys and values of packed tokens, (T, 3, heads, d_kv).
        bias: by relative position, (heads, 2 longest - 1).
        lengths: of the prompts, int64.
    """
    tokens, _, heads, width = projected.shape
    output, normalizers = projected.new_empty(tokens, heads, width), projected.new_empty(heads, tokens, 2)
    shape = ctypes.byref(shape_of(lengths, heads, width))
    projected, bias = projected.contiguous(), bias.contiguous()
    run("attention_forward", heads, shape, projected, bias, output, normalizers)
    return output, normalizers


def attention_backward(
    projected: torch.Tensor,
    bias: torch.Tensor,
    lengths: torch.Tensor,
    output: torch.Tensor,
    normalizers: torch.Tensor,
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients by ``projected`` and ``bias``, of the same shapes.

    Args:
        projected: as ``attention_forward`` took it, and so the next two.
        bias: by relative position.
        lengths: of the prompts.
        output: what it returned, and so the next.
        normalizers: of each head and token.
        gradient: by ``output``, of its shape.
    """
    heads, width = projected.shape[2:]
    projected, bias, gradient = projected.contiguous(), bias.contiguous(), gradient.contiguous()
    to_projected, to_bias = torch.empty_like(projected), torch.zeros_like(bias)
    tensors = (projected, bias, output, normalizers, gradient, to_projected, to_bias)
    run("attention_backward", heads, ctypes.byref(shape_of(lengths, heads, width)), *tensors)
    return to_projected, to_bias
