"""The hook of commands that compute in the program's own process."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def computing(command: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return the same command, which first sets what a process that computes does once."""

    @wraps(command)
    def prepared(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        from glam_eval.core.process import keep_freed_memory

        keep_freed_memory()
        return command(*arguments, **options)

    return prepared
