"""Errors that a user can act on: one clear line, no traceback."""

import difflib
import errno
from collections.abc import Iterable, Iterator

from glam_eval.core.text import one_line

_LONGEST = 200  # characters of what a user gave that an error repeats
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = ("no space left on device", "disk quota exceeded")
# What torch says of a file that the system did not take whole; why it did not, it does not say.
_TORN_TEXTS = ("unexpected pos", "pytorchstreamwriter failed")


class UserError(Exception):
    """Wrong input. The message is one line that names the thing and the fix; the program exits with 2."""


class RunFailedError(Exception):
    """A run failed while others finished; the message names the runs. The program exits with 1."""


class LostRankError(ConnectionResetError):
    """A process that computes parts of a run is gone: whoever carries out the run is as good as gone, too."""


def unknown(kind: str, name: str, valid: Iterable[str]) -> UserError:
    """Return the error for a name that does not exist, naming the nearest valid ones."""
    valid = sorted(valid)
    close = difflib.get_close_matches(name[:_LONGEST], valid, n=3, cutoff=0.4)
    if not close and len(valid) <= 12:
        hint = f"choose one of {', '.join(valid)}"
    elif not close:
        hint = f"there are {len(valid)}, from {valid[0]!r} to {valid[-1]!r}"
    else:
        hint = f"did you mean {' or '.join(repr(c) for c in close)}?"
    return UserError(f"unknown {kind} {shortened(name)}: {hint}")


def shortened(value: object) -> str:
    """Return what a user gave as an error shows it: its ``repr``, of a long one the beginning."""
    try:
        shown = repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "a number of thousands of digits"
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}...{shown[-1]}"


def described(error: BaseException, where: object = "") -> str:
    """Return an error as one printable line; a full disk is called that, with where it is and the way on.

    Args:
        error: what was raised.
        where: the directory that was written in, for errors that name no file.
    """
    place = str(getattr(error, "filename", None) or where)
    at = f" at {place!r}" if place else ""
    if is_disk_full(error):
        return f"the disk is full{at}: free some space; the same command then continues"
    text = str(error).strip()
    if any(torn in text.lower() for torn in _TORN_TEXTS):
        return (
            f"a file can't be written whole{at}: is the disk full, or is the size of files limited "
            "(ulimit -f)? The same command then continues"
        )
    if isinstance(error, OSError) and error.strerror:
        return one_line(f"{error.strerror} {str(error.filename)!r}" if error.filename else error.strerror)
    kind, first = type(error).__name__, next(iter(text.splitlines()), "")
    if isinstance(error, UserError | RunFailedError | OSError):
        return one_line(first or kind)
    return one_line(f"{kind}: {first}" if first else kind)


def is_disk_full(error: BaseException) -> bool:
    """Return whether a full disk is behind an error, whichever library raised it."""
    return any(
        getattr(each, "errno", None) in _FULL or any(text in str(each).lower() for text in _FULL_TEXTS)
        for each in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it was raised from."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        yield each
        seen.add(id(each))
        each = each.__cause__ or each.__context__


def first_line(error: object) -> str:
    """Return the first line of what another library says, short enough for one of ours."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    line = f"{type(error).__name__} {lines[0]}" if isinstance(error, KeyError) else lines[0]
    return line if len(line) <= 300 else f"{line[:300]}..."
