"""Calls of the C kernels of this folder, with work cut into one part for each thread."""

import ctypes
from functools import cache
from pathlib import Path

import torch

from glam_eval.core.compiling import load_compiled
from glam_eval.policies.lanes import in_lanes, threads_here
from glam_eval.policies.scoring.kernels.native.structures import check_layouts

_SOURCES = Path(__file__).parent


@cache
def library() -> ctypes.CDLL | None:
    """Return the kernels' library, its structs checked, or None where they can't be compiled.

    Raises:
        UserError: if the compiler fails, or the library's structs are not those of ``structures``.
    """
    loaded = load_compiled(_SOURCES)
    if loaded is not None:
        check_layouts(loaded)
    return loaded


def run(name: str, count: int, *arguments: object) -> None:
    """Call a kernel for parts of a range, one on each thread that torch may use here.

    Args:
        name: of the kernel.
        count: the range's length.
        arguments: as the kernel takes them after the range; a list has an element for each part, as many as
            ``parts`` says.

    Raises:
        MemoryError: if a kernel has no memory for its scratch.
    """
    kernel, pieces = getattr(library(), name), parts(count)

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
