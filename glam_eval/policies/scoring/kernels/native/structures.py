"""The structs of ``kernels.h`` as Python fills them, and the proof that the library has the same.

Tuples of tensors are structs of pointers to their data, field by field.
"""

import ctypes
from typing import Any, NamedTuple

import torch

from glam_eval.core.compiling import SWITCH
from glam_eval.core.errors import UserError

ABI = 1  # KERNELS_ABI


class Shape(ctypes.Structure):
    """Of packed prompts and attention's heads."""

    _fields_ = [(name, ctypes.c_int64) for name in ("prompts", "tokens", "longest", "heads", "width")]
    _fields_ += [("lengths", ctypes.c_void_p)]


class EncoderLayer(ctypes.Structure):
    """Of prompts, and of a layer's widths."""

    _fields_ = [("prompts", Shape), ("states", ctypes.c_int64), ("inner", ctypes.c_int64)]
    _fields_ += [("epsilon", ctypes.c_float * 2)]


class DecoderLayer(ctypes.Structure):
    """Of prompts, their trees, and a layer's widths."""

    _fields_ = [("prompts", Shape)]
    _fields_ += [(name, ctypes.c_int64) for name in ("states", "inner", "nodes", "biases")]
    _fields_ += [("epsilon", ctypes.c_float * 3)]


class EncoderWeights(NamedTuple):
    """Of a layer's projections, each (outputs, inputs), a norm's weight multiplied in."""

    queries_keys_values: torch.Tensor  # (3 heads d_kv, d_model)
    from_attention: torch.Tensor  # (d_model, heads d_kv)
    gate_and_linear: torch.Tensor  # (2 d_ff, d_model)
    from_inner: torch.Tensor  # (d_model, d_ff)


class EncoderActivations(NamedTuple):
    """What a layer's backward pass reads, for each token."""

    projected: torch.Tensor  # (T, 3 heads d_kv)
    normalizers: torch.Tensor  # (T, 2 heads), of attention
    attended: torch.Tensor  # (T, heads d_kv)
    middle: torch.Tensor  # (T, d_model)
    inner: torch.Tensor  # (T, 2 d_ff)


class DecoderWeights(NamedTuple):
    """Of a layer's projections, each (outputs, inputs), a norm's weight multiplied in."""

    queries_keys_values: torch.Tensor  # (3 heads d_kv, d_model)
    from_attention: torch.Tensor  # (d_model, heads d_kv)
    queries: torch.Tensor  # (heads d_kv, d_model): this and the next three of cross-attention
    keys: torch.Tensor  # (heads d_kv, d_model)
    values: torch.Tensor  # (heads d_kv, d_model)
    from_cross_attention: torch.Tensor  # (d_model, heads d_kv)
    gate_and_linear: torch.Tensor  # (2 d_ff, d_model)
    from_inner: torch.Tensor  # (d_model, d_ff)


class DecoderActivations(NamedTuple):
    """What a layer's backward pass reads, of R = n N nodes."""

    projected: torch.Tensor  # (R, 3 heads d_kv)
    probabilities: torch.Tensor  # (n, heads, N, N, rounded up), of attention among the nodes
    attended: torch.Tensor  # (R, heads d_kv)
    middle: torch.Tensor  # (R, d_model)
    queries: torch.Tensor  # (R, heads d_kv)
    turned: torch.Tensor  # (R, heads, d_model): queries in the space of the encodings
    mixed: torch.Tensor  # (R, heads, d_model): encodings averaged by attention
    values: torch.Tensor  # (R, heads d_kv)
    later: torch.Tensor  # (R, d_model)
    inner: torch.Tensor  # (R, 2 d_ff)
    shares: torch.Tensor  # (T, N heads, rounded up): of each encoding in the averages


STRUCTURES: tuple[Any, ...] = (
    Shape,
    EncoderLayer,
    EncoderWeights,
    EncoderActivations,
    DecoderLayer,
    DecoderWeights,
    DecoderActivations,
)


class _Layout(ctypes.Structure):
    """A line of the library's table, as in ``layouts.c``."""

    _fields_ = [("name", ctypes.c_char_p), ("start", ctypes.c_int64), ("bytes", ctypes.c_int64)]


def check_layouts(library: ctypes.CDLL) -> None:
    """Compare the library's structs with those here: writing into others would spoil numbers in silence.

    Raises:
        UserError: if one differs, or the library takes other arguments than are given here.
    """
    try:
        abi = ctypes.c_int64.in_dll(library, "kernels_abi").value
        theirs = _layouts_in(library)
    except ValueError:  # there is no such symbol
        abi, theirs = 0, {}
    ours = {name: place for structure in STRUCTURES for name, place in _layout_of(structure).items()}
    differing = [name for name in ours | theirs if ours.get(name) != theirs.get(name)]
    what = f"lay out {differing[0]}" if differing else "call kernels"
    if differing or abi != ABI:
        raise UserError(
            f"glam-eval's C and Python {what} differently: install it again, or set {SWITCH}=torch"
        )


def _layout_of(structure: Any) -> dict[str, tuple[int, int]]:
    """Return offset and size, in bytes, of a struct and of each of its fields."""
    name, pointer = structure.__name__, ctypes.sizeof(ctypes.c_void_p)
    if issubclass(structure, ctypes.Structure):
        places = {field: getattr(structure, field) for field, *_ in structure._fields_}
        fields = {f"{name}.{field}": (place.offset, place.size) for field, place in places.items()}
        return {name: (0, ctypes.sizeof(structure)), **fields}
    fields = {f"{name}.{field}": (pointer * k, pointer) for k, field in enumerate(structure._fields)}
    return {name: (0, pointer * len(fields)), **fields}


def _layouts_in(library: ctypes.CDLL) -> dict[str, tuple[int, int]]:
    """Return the same of all structs of a library."""
    found: dict[str, tuple[int, int]] = {}
    line = ctypes.pointer(_Layout.in_dll(library, "kernels_layouts"))
    while (each := line[len(found)]).name is not None:
        found[each.name.decode()] = each.start, each.bytes
    return found


def shape_of(lengths: torch.Tensor, heads: int, width: int) -> Shape:
    """Describe packed prompts for attention.

    Args:
        lengths: of the prompts, (n,) int64, which must outlive the description.
        heads: of attention.
        width: d_kv.
    """
    tokens, longest = int(lengths.sum()), int(lengths.max())
    return Shape(len(lengths), tokens, longest, heads, width, lengths.data_ptr())
