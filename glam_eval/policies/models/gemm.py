"""This machine's matrix-product rate: the limit that speeds are compared with."""

import time
from collections.abc import Callable

import torch

SIZE = 2048  # large enough for full speed, 17 GFLOP a product


def synchronize(device: torch.device) -> None:
    """Wait until a device has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def matrix_rate(
    precision: str = "float32",
    device: str | torch.device = "cpu",
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the best measured rate of a square matrix product, in operations a second.

    A multiply-add is two operations.

    Args:
        precision: torch's name of a type, for instance float32.
        device: where to multiply.
        repeats: of which the best counts.
        clock: in seconds.
    """
    where = torch.device(device)
    left, right = (torch.ones(SIZE, SIZE, dtype=getattr(torch, precision), device=where) for _ in range(2))
    best = float("inf")
    for _ in range(repeats + 1):  # the first one warms up, and is never the best
        synchronize(where)
        began = clock()
        torch.mm(left, right)
        synchronize(where)
        best = min(best, clock() - began)
    return 2 * SIZE**3 / best
