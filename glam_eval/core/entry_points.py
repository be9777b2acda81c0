"""What installed packages offer by entry point: others' code, whose mistakes are told in one line."""

from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

from glam_eval.core.errors import UserError, described, unknown


def entry_names(group: str) -> list[str]:
    """Return the names that installed packages offer in a group of entry points."""
    return sorted({point.name for point in entry_points(group=group)})


def load_entry(kind: str, group: str, name: str, known: Iterable[str] = ()) -> tuple[Any, str]:
    """Return what a package offers under a name, and what to call it in an error.

    Args:
        kind: what it is, in a word.
        group: of entry points.
        name: of the entry point.
        known: names of the kind that no package offers, to suggest.

    Raises:
        UserError: if there is none (the nearest is named), or it can't be loaded.
    """
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        raise unknown(kind, name, [*known, *found])
    where = f"{kind} {name!r}: entry point {found[name].value!r}"
    try:
        return found[name].load(), where
    except (Exception, SystemExit) as error:  # others' code: a mistake in it, or one that ends programs
        raise UserError(f"{where} can't be loaded: {described(error)}") from error
