"""The C kernels of this folder on tensors: float32 on a CPU."""

import ctypes
from pathlib import Path
from typing import NamedTuple

import torch

from glam_eval.core.compiling import load_compiled
from glam_eval.policies.lanes import in_lanes, threads_here

_SOURCES = Path(__file__).parent


class _Shape(ctypes.Structure):
    """Of a call of attention; this and the next three as in ``kernels.h``."""

    _fields_ = [(name, ctypes.c_int64) for name in ("prompts", "tokens", "longest", "heads", "width")]
    _fields_ += [("lengths", ctypes.c_void_p)]


class _Layer(ctypes.Structure):
    _fields_ = [("prompts", _Shape), ("states", ctypes.c_int64), ("inner", ctypes.c_int64)]
    _fields_ += [("epsilon", ctypes.c_float * 2)]


class LayerWeights(NamedTuple):
    """Of an encoder layer's projections, each (outputs, inputs), a norm's weight multiplied in."""

    queries_keys_values: torch.Tensor  # (3 heads d_kv, d_model)
    from_attention: torch.Tensor  # (d_model, heads d_kv)
    gate_and_linear: torch.Tensor  # (2 d_ff, d_model)
    from_inner: torch.Tensor  # (d_model, d_ff)


class LayerActivations(NamedTuple):
    """Of an encoder layer: what its backward pass reads, for each token."""

    projected: torch.Tensor  # (T, 3 heads d_kv)
    normalizers: torch.Tensor  # (T, 2 heads), of attention
    attended: torch.Tensor  # (T, heads d_kv)
    middle: torch.Tensor  # (T, d_model)
    inner: torch.Tensor  # (T, 2 d_ff)


def usable(tensor: torch.Tensor) -> bool:
    """Tell whether the kernels are there and take such a tensor; ``torch.compile`` can't look into them."""
    fits = tensor.device.type == "cpu" and tensor.dtype == torch.float32
    return fits and not torch.compiler.is_compiling() and load_compiled(_SOURCES) is not None


def _run(name: str, count: int, *arguments: object) -> None:
    """Call a kernel for parts of a range, one on each thread that torch may use here.

    An argument that is a list has an element for each part, as many as ``_parts`` says.
    """
    library = load_compiled(_SOURCES)
    assert library is not None
    kernel, parts = getattr(library, name), _parts(count)

    def run(part: int) -> int:
        values = [_as_c(each[part] if isinstance(each, list) else each) for each in arguments]
        first, last = count * part // parts, count * (part + 1) // parts
        return int(kernel(ctypes.c_int64(first), ctypes.c_int64(last), *values))

    if any(in_lanes(run, range(parts), parts)):
        raise MemoryError("no memory for a kernel's scratch")


def _parts(count: int) -> int:
    return min(count, threads_here())


def _as_c(argument: object) -> object:
    """Return a pointer to a tensor's data, or to a tuple of such pointers."""
    if isinstance(argument, torch.Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    if isinstance(argument, tuple):
        return (ctypes.c_void_p * len(argument))(*(each.data_ptr() for each in argument))
    return argument


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


def _shape(lengths: torch.Tensor, heads: int, width: int) -> _Shape:
    """Describe prompts whose lengths, int64, outlive the description."""
    tokens, longest = int(lengths.sum()), int(lengths.max())
    return _Shape(len(lengths), tokens, longest, heads, width, lengths.data_ptr())


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
    shape = ctypes.byref(_shape(lengths, heads, width))
    projected, bias = projected.contiguous(), bias.contiguous()
    _run("attention_forward", heads, shape, projected, bias, output, normalizers)
    return output, normalizers


def attention_backward(
    projected: torch.Tensor,
    bias: torch.Tensor,
    lengths: torch.Tensor,
    output: torch.Tensor,
    normalizers: torch.Tensor,
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients by ``projected`` and ``bias`` from the one by ``output``, of the same shapes."""
    heads, width = projected.shape[2:]
    projected, bias, gradient = projected.contiguous(), bias.contiguous(), gradient.contiguous()
    to_projected, to_bias = torch.empty_like(projected), torch.zeros_like(bias)
    tensors = (projected, bias, output, normalizers, gradient, to_projected, to_bias)
    _run("attention_backward", heads, ctypes.byref(_shape(lengths, heads, width)), *tensors)
    return to_projected, to_bias


def _layer(lengths: torch.Tensor, weights: LayerWeights, heads: int, epsilons: tuple[float, float]) -> _Layer:
    states, columns = weights.from_attention.shape
    shape = _shape(lengths, heads, columns // heads)
    return _Layer(shape, states, weights.from_inner.shape[1], (ctypes.c_float * 2)(*epsilons))


def encoder_layer_forward(
    hidden: torch.Tensor,
    weights: LayerWeights,
    bias: torch.Tensor,
    lengths: torch.Tensor,
    epsilons: tuple[float, float],
    keep: bool,
) -> tuple[torch.Tensor, LayerActivations | None]:
    """Return a layer's states (T, d_model), and its activations to keep if the backward pass will come.

    Every tensor is contiguous.

    Args:
        hidden: states of packed tokens, (T, d_model).
        weights: all widths multiples of 16.
        bias: by relative position, (heads, 2 longest - 1).
        lengths: of the prompts, int64.
        epsilons: of the two norms.
        keep: whether to return the activations.
    """
    output, layer = torch.empty_like(hidden), _layer(lengths, weights, len(bias), epsilons)
    kept = None
    if keep:
        three, attended, two = len(weights[0]), weights.from_attention.shape[1], len(weights.gate_and_linear)
        widths = (three, 2 * len(bias), attended, hidden.shape[1], two)
        kept = LayerActivations(*(hidden.new_empty(len(hidden), width) for width in widths))
    transposed = tuple(weight.T.contiguous() for weight in weights)
    _run("encoder_layer_forward", len(lengths), ctypes.byref(layer), transposed, bias, hidden, kept, output)
    return output, kept


def encoder_layer_backward(
    hidden: torch.Tensor,
    weights: LayerWeights,
    bias: torch.Tensor,
    lengths: torch.Tensor,
    epsilons: tuple[float, float],
    kept: LayerActivations,
    gradient: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """Return the gradients by ``hidden``, each of ``weights`` and ``bias`` from the one by the output."""
    layer = _layer(lengths, weights, len(bias), epsilons)
    to_hidden, gradient = torch.empty_like(hidden), gradient.contiguous()
    sums = [tuple(torch.zeros_like(each) for each in (*weights, bias)) for _ in range(_parts(len(lengths)))]
    to_weights, to_bias = [part[:-1] for part in sums], [part[-1] for part in sums]
    _run(
        "encoder_layer_backward",
        len(lengths),
        ctypes.byref(layer),
        tuple(weights),
        bias,
        hidden,
        tuple(kept),
        gradient,
        to_hidden,
        to_weights,
        to_bias,
    )
    return to_hidden, *(sum(column) for column in zip(*sums, strict=True))
