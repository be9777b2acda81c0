"""Being killed before the first change to files, before the second, and so on, without a process."""

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Killed(BaseException):
    """Raised by every change to files from the fatal one on, so that no clean-up runs either."""


class _Countdown:
    left: int | None = None  # changes until death; None while nobody is to die


def _watch(event: str, arguments: tuple) -> None:
    if _Countdown.left is None or not (event in CHANGES or (event == "open" and arguments[2] & WRITING)):
        return
    _Countdown.left -= 1
    if _Countdown.left < 0:
        raise Killed


sys.addaudithook(_watch)


def after_each_kill(start: Path, work: Path, action: Callable[[Path], None]) -> Iterator[int]:
    """Yield with ``work`` as ``action`` left it, killed before its first change, its second, ..., and whole.

    Files that were being written are cut in half, as a crash may leave them.
    """
    for survived in itertools.count():
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(start, work)
        _Countdown.left = survived
        try:
            action(work)
            died = False
        except Killed:
            died = True
        finally:
            _Countdown.left = None
        for file in work.rglob("*.writing"):
            os.truncate(file, file.stat().st_size // 2)
        yield survived
        if not died:
            return


def listing(out: Path) -> list[str]:
    """Return what is in a directory but for files that never were complete, which nobody reads."""
    return sorted(
        str(entry.relative_to(out)) for entry in out.rglob("*") if not entry.name.endswith(".writing")
    )
