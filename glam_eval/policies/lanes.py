"""Parts of a batch side by side on a CPU's threads, each part computed by one thread alone.

A small operation gains little from a second thread and waits for it at its end; whole parts don't.
"""

import math
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import Self, TypeVar, cast

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


def even_parts(cut: Callable[[int], Iterable[Part]], limit: int, lanes: int) -> list[Part]:
    """Return the parts that ``cut`` makes for a limit to each: as many for every lane, of like sizes.

    Args:
        cut: returns fewer parts, or as many, the higher the limit.
        limit: of all lanes' parts together.
        lanes: as ``lane_count`` gives it.
    """
    limits = range(1, max(1, limit // lanes) + 1)
    if lanes == 1:
        return list(cut(limits[-1]))
    count = math.ceil(len(list(cut(limits[-1]))) / lanes) * lanes
    return list(cut(limits[bisect_left(limits, True, key=lambda each: len(list(cut(each))) <= count)]))


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
    """Yield work(part) of every part, in order; gradients are on in every lane where they are here.

    Args:
        work: what to do with a part.
        parts: at most one of each lane is worked on at a time.
        lanes: as ``lane_count`` gives it.
    """
    if lanes == 1 or len(parts) == 1:
        yield from map(work, parts)
        return
    differentiable = torch.is_grad_enabled()

    def alone(part: Part) -> Result:
        with torch.set_grad_enabled(differentiable):
            return work(part)

    yield from _pool(lanes, threads_here()).map(alone, parts)


class _InOrder:
    """Lets lanes add to gradients in place, to each in the order of their parts: sums have one order.

    A backward pass adds a parameter's gradient as soon as it is known, so that no lane holds them all.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._changed = threading.Condition()
        self._added: dict[int, int] = {}  # by parameter: parts that have added their gradient to it
        self._over = 0  # parts that have, to all
        self._hooks = []
        for key, each in enumerate(parameters):
            self._hooks += [
                each.register_hook(partial(self._wait, key)),  # type: ignore[no-untyped-call]
                each.register_post_accumulate_grad_hook(partial(self._pass_on, key)),  # type: ignore[no-untyped-call]
            ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    @contextmanager
    def part(self, index: int) -> Iterator[None]:
        """Differentiate a part's loss within; what it has no gradient for is passed on at its end."""
        _here.part = index
        try:
            yield
        finally:
            with self._changed:
                self._changed.wait_for(lambda: self._over == index)
                self._over += 1
                self._changed.notify_all()

    def _wait(self, key: int, _: torch.Tensor) -> None:
        index = _here.part
        with self._changed:
            self._changed.wait_for(lambda: index in (self._over, self._added.get(key)))

    def _pass_on(self, key: int, _: torch.Tensor) -> None:
        with self._changed:
            self._added[key] = _here.part + 1
            self._changed.notify_all()


def add_gradients(
    work: Callable[[Part], tuple[torch.Tensor, Result]],
    parts: Sequence[Part],
    parameters: Sequence[nn.Parameter],
    lanes: int,
) -> list[Result]:
    """Add the gradient of every part's loss to the parameters', part by part; return the parts' results.

    Args:
        work: returns a part's loss, a scalar, and whatever else is wanted of it; a tensor is fetched from its
            device after the backward pass, which would have to wait for it.
        parts: what to compute, at most one of each lane at a time.
        parameters: what to differentiate by.
        lanes: as ``lane_count`` gives it.
    """
    lanes = max(1, min(lanes, len(parts)))  # there may be none
    turns = _InOrder(parameters if lanes > 1 else ())

    def differentiate(index: int) -> Result:
        with turns.part(index):
            loss, result = work(parts[index])
            loss.backward()  # type: ignore[no-untyped-call]
            return fetched(result)

    with turns:
        return list(in_lanes(differentiate, range(len(parts)), lanes))


def fetched(result: Result) -> Result:
    """Return what a part came to: a tensor in this machine's memory, anything else as it is."""
    return cast(Result, result.cpu()) if isinstance(result, torch.Tensor) else result
