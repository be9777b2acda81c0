"""Measurements in a process of their own: the peak of memory is a process's, and a killed one is one line."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from glam_eval.core.errors import UserError
from glam_eval.core.process import keep_freed_memory
from glam_eval.policies.devices import out_of_memory_as

Measured = TypeVar("Measured")


def measure_each(
    measure: Callable[..., Measured],
    arguments: Iterable[tuple[Any, ...]],
    *,
    report: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Measured]:
    """Return what ``measure`` returns for each arguments, the first of which names a model, and the options.

    Args:
        measure: a function of a module.
        arguments: of each call.
        report: hears what is measured as it begins.
        options: of all calls.

    Raises:
        UserError: if a model can't be measured, or memory ends.
    """
    measured = []
    with ProcessPoolExecutor(1, get_context("spawn"), keep_freed_memory, max_tasks_per_child=1) as fresh:
        for each in arguments:
            if report:
                report(", ".join(map(str, each)))
            one = fresh.submit(measure, *each, **options)
            try:
                with out_of_memory_as(UserError(f"{each[0]}: out of memory; measure a smaller one")):
                    measured.append(one.result())
            except BrokenProcessPool:
                raise UserError(f"{each[0]} was killed: too little memory? measure a smaller one") from None
    return measured
