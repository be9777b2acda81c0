"""The kernels of ``native.c`` on tensors: float32 on a CPU."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import torch

from glam_eval.core.compiling import load_compiled
from glam_eval.policies.lanes import in_lanes, threads_here

_SOURCE = Path(__file__).with_suffix(".c")


class _Shape(ctypes.Structure):
    """Of a call of attention; as in the C source."""

    _fields_ = [(name, ctypes.c_int64) for name in ("prompts", "tokens", "longest", "heads", "width")]
    _fields_ += [("lengths", ctypes.c_void_p)]


def usable(tensor: torch.Tensor) -> bool:
    """Tell whether the kernels are there and take such a tensor; ``torch.compile`` can't look into them."""
    fits = tensor.device.type == "cpu" and tensor.dtype == torch.float32
    return fits and not torch.compiler.is_compiling() and load_compiled(_SOURCE) is not None


def _run(name: str, count: int, *arguments: object) -> None:
    """Call a kernel for parts of a range, one on each thread that torch may use here."""
    library = load_compiled(_SOURCE)
    assert library is not None
    kernel = getattr(library, name)
    values = [
        ctypes.c_void_p(each.data_ptr()) if isinstance(each, torch.Tensor) else each for each in arguments
    ]
    parts = min(count, threads_here())
    bounds = [(count * part // parts, count * (part + 1) // parts) for part in range(parts)]
    if any(in_lanes(lambda bound: kernel(*map(ctypes.c_int64, bound), *values), bounds, parts)):
        raise MemoryError("no memory for a kernel's scratch")


def rms_norm(hidden: torch.Tensor, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (n, d) divided by its root mean square, and what it was multiplied by, (n,)."""
    hidden = hidden.contiguous()
    normed, scale = torch.empty_like(hidden), hidden.new_empty(len(hidden))
    _run("rms_norm", *_rows(hidden), ctypes.c_float(epsilon), hidden, normed, scale)
    return normed, scale


def rms_norm_backward(normed: torch.Tensor, scale: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient by ``hidden`` from the one by ``normed``, (n, d)."""
    gradient, to_hidden = gradient.contiguous(), torch.empty_like(normed)
    _run("rms_norm_backward", *_rows(normed), normed, scale, gradient, to_hidden)
    return to_hidden


def gated_gelu(inner: torch.Tensor) -> torch.Tensor:
    """Return gelu(first half) * second half of each row, (n, 2 columns) -> (n, columns)."""
    inner = inner.contiguous()
    output = inner.new_empty(len(inner), inner.shape[1] // 2)
    _run("gated_gelu", *_rows(output), inner, output)
    return output


def gated_gelu_backward(inner: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return the gradient by ``inner`` from the one by the output."""
    inner, gradient = inner.contiguous(), gradient.contiguous()
    to_inner = torch.empty_like(inner)
    _run("gated_gelu_backward", *_rows(gradient), inner, gradient, to_inner)
    return to_inner


def _rows(tensor: torch.Tensor) -> tuple[int, ctypes.c_int64]:
    return len(tensor), ctypes.c_int64(tensor.shape[1])


def _attention(name: str, lengths: Sequence[int], *tensors: torch.Tensor) -> None:
    tokens, _, heads, width = tensors[0].shape
    counts = torch.tensor(lengths)
    shape = _Shape(len(lengths), tokens, max(lengths), heads, width, counts.data_ptr())
    _run(name, heads, ctypes.byref(shape), *tensors)


def attention_forward(
    projected: torch.Tensor, bias: torch.Tensor, lengths: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return softmax(q k + bias) v, (T, heads, d_kv), and what the backward pass needs, (heads, T, 2).

    Args:
        projected: queries, keys and values of packed tokens, (T, 3, heads, d_kv).
        bias: by relative position, (heads, 2 longest - 1).
        lengths: of the prompts.
    """
    tokens, _, heads, width = projected.shape
    output, normalizers = projected.new_empty(tokens, heads, width), projected.new_empty(heads, tokens, 2)
    projected, bias = projected.contiguous(), bias.contiguous()
    _attention("attention_forward", lengths, projected, bias, output, normalizers)
    return output, normalizers


def attention_backward(
    projected: torch.Tensor,
    bias: torch.Tensor,
    lengths: Sequence[int],
    output: torch.Tensor,
    normalizers: torch.Tensor,
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients by ``projected`` and ``bias`` from the one by ``output``, of the same shapes."""
    projected, bias, gradient = projected.contiguous(), bias.contiguous(), gradient.contiguous()
    to_projected, to_bias = torch.empty_like(projected), torch.empty_like(bias)
    tensors = (projected, bias, output, normalizers, gradient, to_projected, to_bias)
    _attention("attention_backward", lengths, *tensors)
    return to_projected, to_bias
