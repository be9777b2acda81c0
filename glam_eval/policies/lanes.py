"""Parts of a batch side by side on a CPU's threads, each part computed by one thread alone.

A small operation gains little from a second thread and waits for it at its end; whole parts don't.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch
from torch import nn

Part = TypeVar("Part")
Result = TypeVar("Result")

MOST_LANES = 4  # with more, Python's lock and ever smaller products cost what they bring
MOST_WEIGHTS = 10**8  # beyond, every product keeps all threads busy, and each lane's gradient is large


def lane_count(device: torch.device, weights: int = 0) -> int:
    """Return how many parts of a batch to compute at once: 1 on a GPU, or for gradients of many weights."""
    if device.type != "cpu" or weights > MOST_WEIGHTS:
        return 1
    return min(torch.get_num_threads(), MOST_LANES)


_here = threading.local()


def threads_here() -> int:
    """Return how many threads work may use on the calling thread: a lane's share, else all of torch's."""
    return getattr(_here, "threads", None) or torch.get_num_threads()


def _open_lane(threads: int) -> None:
    _here.threads = threads
    torch.get_num_threads()  # else torch would set this thread's number at its first operation, to another's
    torch.set_num_threads(threads)


@cache
def _pool(lanes: int, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(lanes, "lane", _open_lane, (threads // lanes,))


def in_lanes(work: Callable[[Part], Result], parts: Sequence[Part], lanes: int) -> Iterator[Result]:
    """Yield work(part) of every part, in order; gradients are on in every lane where they are here."""
    if lanes == 1 or len(parts) == 1:
        yield from map(work, parts)
        return
    differentiable = torch.is_grad_enabled()

    def alone(part: Part) -> Result:
        with torch.set_grad_enabled(differentiable):
            return work(part)

    yield from _pool(lanes, threads_here()).map(alone, parts)


def add_gradients(
    work: Callable[[Part], tuple[torch.Tensor, Result]],
    parts: Sequence[Part],
    parameters: Sequence[nn.Parameter],
    lanes: int,
) -> list[Result]:
    """Add the gradient of every part's loss to the parameters', part by part; return the parts' results.

    Args:
        work: returns a part's loss, a scalar, and whatever else is wanted of it.
        parts: what to compute, at most one of each lane at a time.
        parameters: what to differentiate by.
        lanes: as ``lane_count`` gives it.
    """
    results = []
    if lanes == 1 or len(parts) == 1:
        for part in parts:
            loss, result = work(part)
            loss.backward()  # type: ignore[no-untyped-call]
            results.append(result)
        return results

    def differentiate(part: Part) -> tuple[Sequence[torch.Tensor | None], Result]:
        loss, result = work(part)
        return torch.autograd.grad(loss, parameters, allow_unused=True), result

    for gradients, result in in_lanes(differentiate, parts, lanes):
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        del gradients, gradient  # else they would stay while the next part's are awaited
        results.append(result)
    return results
