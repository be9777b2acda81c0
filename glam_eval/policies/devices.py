"""Devices to compute on, and the end of their memory."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from glam_eval.core.errors import UserError


def available_devices(wanted: str) -> list[str]:
    """Return the devices that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` stands for on this machine.

    ``auto`` is every GPU, or the processor without one.

    Raises:
        UserError: for a device that is not there.
    """
    if wanted == "cpu":
        return ["cpu"]
    if wanted != "auto" and not re.fullmatch(r"cuda(:\d+)?", wanted):
        raise UserError(f"unknown device {wanted!r}: choose auto, cpu, cuda or cuda:N")
    import torch

    present = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if wanted == "auto":
        return present or ["cpu"]
    chosen = present if wanted == "cuda" else [device for device in present if device == wanted]
    if not chosen:
        raise UserError(f"no device {wanted!r} here: choose {', '.join(['cpu', *present])}")
    return chosen


@contextmanager
def out_of_memory_as(failure: Exception) -> Iterator[None]:
    """Turn torch's errors of memory, in whatever form, into one that says what to do.

    Args:
        failure: the error to raise in their place.
    """
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise failure from None
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise failure from None
        raise
