"""Calls of the C kernels of this folder, with work cut into one part for each thread."""

import ctypes
from pathlib import Path

import torch

from glam_eval.core.compiling import load_compiled
from glam_eval.policies.lanes import in_lanes, threads_here

_SOURCES = Path(__file__).parent


class Shape(ctypes.Structure):
    """Of packed prompts and attention's heads, as in ``kernels.h``."""

    _fields_ = [(name, ctypes.c_int64) for name in ("prompts", "tokens", "longest", "heads", "width")]
    _fields_ += [("lengths", ctypes.c_void_p)]


def usable(tensor: torch.Tensor) -> bool:
    """Tell whether the kernels are there and take such a tensor; ``torch.compile`` can't look into them."""
    fits = tensor.device.type == "cpu" and tensor.dtype == torch.float32
    return fits and not torch.compiler.is_compiling() and load_compiled(_SOURCES) is not None


def run(name: str, count: int, *arguments: object) -> None:
    """Call a kernel for parts of a range, one on each thread that torch may use here.

    An argument that is a list has an element for each part, as many as ``parts`` says.
    """
    library = load_compiled(_SOURCES)
    assert library is not None
    kernel, pieces = getattr(library, name), parts(count)

    def call(part: int) -> int:
        values = [_as_c(each[part] if isinstance(each, list) else each) for each in arguments]
        first, last = count * part // pieces, count * (part + 1) // pieces
        return int(kernel(ctypes.c_int64(first), ctypes.c_int64(last), *values))

    if any(in_lanes(call, range(pieces), pieces)):
        raise MemoryError("no memory for a kernel's scratch")


def parts(count: int) -> int:
    """Return into how many parts a range of so many is cut."""
    return min(count, threads_here())


def _as_c(argument: object) -> object:
    """Return a pointer to a tensor's data, or to a tuple of such pointers."""
    if isinstance(argument, torch.Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    if isinstance(argument, tuple):
        return (ctypes.c_void_p * len(argument))(*(each.data_ptr() for each in argument))
    return argument


def shape_of(lengths: torch.Tensor, heads: int, width: int) -> Shape:
    """Describe prompts whose lengths, int64, outlive the description."""
    tokens, longest = int(lengths.sum()), int(lengths.max())
    return Shape(len(lengths), tokens, longest, heads, width, lengths.data_ptr())
