"""Devices to compute on, and the end of their memory."""

import ctypes
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glam_eval.core.errors import UserError
from glam_eval.core.surroundings import torch_built_for

if TYPE_CHECKING:
    import torch

_LEARNING = 12  # bytes that a weight which learns has beside it: its gradient, and two moments of Adam
_COPY = 2  # bytes of a weight's copy in bfloat16
_SHARE = 0.5  # of what weights leave: logits, scratch memory and fragments take from the rest


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
    present = [f"cuda:{index}" for index in range(_count_gpus())]
    if wanted == "auto":
        return present or ["cpu"]
    chosen = present if wanted == "cuda" else [device for device in present if device == wanted]
    if not chosen:
        raise UserError(f"no device {wanted!r} here: choose {', '.join(['cpu', *present])}")
    return chosen


def _count_gpus() -> int:
    """Return how many GPUs torch sees; it is not loaded, which takes seconds, where it can see none."""
    if "torch" not in sys.modules and _sees_none(torch_built_for()):
        return 0
    import torch

    return int(torch.cuda.device_count())


def _sees_none(built_for: dict[str, str] | None) -> bool:
    """Return whether a torch built for these versions of CUDA and HIP is sure to see no GPU."""
    if built_for is None or built_for.get("hip") != "":
        return False
    if built_for.get("cuda") == "":
        return True
    if sys.platform != "linux":
        return False
    try:
        ctypes.CDLL("libcuda.so.1")  # of NVIDIA's driver
    except OSError:
        return True
    return False


def room_for_activations(device: "torch.device", weights: "Iterable[torch.nn.Parameter]") -> int | None:
    """Return the bytes of a GPU that an update's activations may take; None on a processor.

    It goes by the memory that the GPU has, not by what is free: the same run is divided alike each time.

    Args:
        device: on which weights lie.
        weights: of a policy; those that learn are marked.
    """
    if device.type != "cuda":
        return None
    import torch

    taken = 0
    for each in weights:
        taken += each.numel() * (each.element_size() + _COPY + _LEARNING * each.requires_grad)
    return int(_SHARE * max(0, torch.cuda.get_device_properties(device).total_memory - taken))


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
