"""Devices to compute on."""

import re

from glam_eval.core.errors import UserError


def available_devices(wanted: str) -> list[str]:
    """Return the devices that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` stands for on this machine.

    ``auto`` is every GPU, or the processor without one. Raises UserError for a device that is not there.
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
