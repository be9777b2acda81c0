"""Errors that a user can act on: one clear line, no traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Wrong input. The message is one line that names the thing and the fix; the program exits with 2."""


class RunFailedError(Exception):
    """A run failed while others finished; the message names the runs. The program exits with 1."""


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """Return the error for a name that does not exist, naming the nearest valid ones."""
    valid = sorted(valid)
    close = difflib.get_close_matches(name, valid, n=3, cutoff=0.4)
    if not close and len(valid) <= 12:
        hint = f"choose one of {', '.join(valid)}"
    elif not close:
        hint = f"there are {len(valid)}, from {valid[0]!r} to {valid[-1]!r}"
    else:
        hint = f"did you mean {' or '.join(repr(c) for c in close)}?"
    return UserError(f"unknown {kind} {name!r}: {hint}")


def first_line(error: object) -> str:
    """Return the first line of what another library says, short enough for one of ours."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = f"{type(error).__name__} {lines[0]}" if isinstance(error, KeyError) else lines[0]
    return line if len(line) <= 300 else f"{line[:300]}..."
