"""The directory of a suite's results: whose it is, and who may write in it now."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError
from glam_eval.core.files import UNFINISHED
from glam_eval.execution.study import IDENTITY, MARKER, read_suite, suite_made_here, write_suite
from glam_eval.suites.emptying import empty

_PARENT_LOCK, _WORKERS_LOCK = ".parent.lock", ".workers.lock"
_MAY_DIFFER = {"seeds", "first_seed", "title", "question", "silence_seconds"}
_ORPHAN_SECONDS = 60.0  # workers of a killed parent notice within an update and write a checkpoint


def check_directory(out: Path, suite: SuiteConfig) -> None:
    """Raise a UserError if the directory can't be this suite's; nothing on disk is touched."""
    existing = out
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UserError(f"--out {str(out)!r}: {str(existing)!r} is a file; give a directory")
    if not _is_writable(existing):
        raise UserError(f"--out {str(out)!r} can't be written: give a directory you may write in")
    if not out.exists() or all(_is_first(entry.name) for entry in out.iterdir()):
        return
    if not (out / IDENTITY).exists():
        raise UserError(f"--out {str(out)!r} holds other files: give an empty or new directory")
    stored = json.loads(read_suite(out).canonical_json())
    if stored["name"] != suite.name:
        raise UserError(
            f"--out {str(out)!r} holds suite {stored['name']!r}: give another directory for {suite.name!r}"
        )
    wanted = json.loads(suite.canonical_json())
    differences = list(_differences(_results_of(stored), _results_of(wanted)))
    if differences:
        raise UserError(
            f"--out {str(out)!r} holds results of another configuration ({'; '.join(differences[:3])}): "
            "give another --out, or --fresh to start over"
        )


def check_fresh(out: Path, suite: SuiteConfig) -> None:
    """Raise a UserError unless ``--fresh`` may empty a directory: one that we made for a suite of that name.

    What holds nothing yet may be used as it is; nothing on disk is touched.
    """
    if not (out / IDENTITY).exists():
        check_directory(out, suite)
        return
    made_for = suite_made_here(out)
    if made_for is None:
        raise UserError(
            f"--out {str(out)!r} was not made by glam-eval, or its {IDENTITY} is a copy: "
            "give another directory, or empty this one yourself"
        )
    if made_for != suite.name:
        raise UserError(
            f"--out {str(out)!r} holds suite {made_for!r}: give another directory for {suite.name!r}"
        )


@contextlib.contextmanager
def claimed(out: Path, suite: SuiteConfig, fresh: bool = False) -> Iterator[list[str]]:
    """Hold the directory for one invocation; raise a UserError if another one is at work in it.

    With ``fresh`` what the same suite left there is deleted; what was not ours and stays is given, by name.
    Killed at any point of that, the directory is taken again, with ``fresh`` or without. ``check_fresh``
    must pass then, ``check_directory`` otherwise.
    """
    (check_fresh if fresh else check_directory)(out, suite)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--out {str(out)!r} can't be made: {error.strerror}; give another directory"
        ) from None
    with _lock_file(out / _PARENT_LOCK) as parent, _lock_file(out / _WORKERS_LOCK) as workers:
        if not _lock(parent, 0.0):
            raise UserError(f"{str(out)!r} is in use by another glam-eval: wait for it or give another --out")
        if not _lock(workers, _ORPHAN_SECONDS):
            raise UserError(
                f"workers of an interrupted run still write in {str(out)!r}: try again in a minute"
            )
        fcntl.flock(workers, fcntl.LOCK_UN)
        left = []
        if fresh:
            own = {_PARENT_LOCK, _WORKERS_LOCK, IDENTITY, MARKER}
            left = empty(out, own)
        write_suite(out, suite)
        yield left


@contextlib.contextmanager
def worker_lock(out: Path) -> Iterator[None]:
    """Tell later invocations that a worker is writing here, even if its parent is gone."""
    with _lock_file(out / _WORKERS_LOCK) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _is_first(name: str) -> bool:
    """Return whether a file is all that there may be if we were killed at once."""
    return name in (_PARENT_LOCK, _WORKERS_LOCK, MARKER) or name.endswith(UNFINISHED)


def _lock_file(path: Path) -> IO[str]:
    """Open a file to be locked; its content is nothing, and a link is not followed."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+")


def _lock(file: IO[str], patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        else:
            return True


def _results_of(suite: dict[str, Any]) -> dict[str, Any]:
    """Return what the runs' results depend on: more seeds, or other words about them, can join."""
    return {key: value for key, value in suite.items() if key not in _MAY_DIFFER}


def _is_writable(directory: Path) -> bool:
    return os.access(directory, os.W_OK | os.X_OK)


def _differences(stored: Any, wanted: Any, key: str = "") -> Iterator[str]:
    """Yield what differs between two configurations, as ``key: stored there, wanted here``."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for name in sorted(stored.keys() | wanted.keys()):
            yield from _differences(stored.get(name), wanted.get(name), f"{key}.{name}" if key else name)
    elif stored != wanted:
        short = stored if not isinstance(stored, list | dict) else "others"
        yield f"{key}: {short!r} there, {wanted!r} here" if short != "others" else f"{key} differ"
