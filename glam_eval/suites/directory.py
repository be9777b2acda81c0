"""The directory of a suite's results: whose it is, and who may write in it now."""

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from glam_eval.config.graph import PlannedRun
from glam_eval.config.run import RunConfig
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError
from glam_eval.execution.study import IDENTITY, read_suite
from glam_eval.results import finished_runs

_PARTIAL_IDENTITY = ".suite.json"
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
    ours = {_PARENT_LOCK, _WORKERS_LOCK, _PARTIAL_IDENTITY}  # all there is if we were killed at once
    if not out.exists() or {entry.name for entry in out.iterdir()} <= ours:
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


@contextlib.contextmanager
def claimed(out: Path, suite: SuiteConfig, fresh: bool = False) -> Iterator[None]:
    """Hold the directory for one invocation; raise a UserError if another one is at work in it.

    ``fresh`` deletes what the same suite left there. Without it, ``check_directory`` must pass.
    """
    if not fresh:
        check_directory(out, suite)
    elif (out / IDENTITY).exists():
        check_directory(out, read_suite(out))
    else:
        check_directory(out, suite)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--out {str(out)!r} can't be made: {error.strerror}; give another directory"
        ) from None
    with (out / _PARENT_LOCK).open("w") as parent, (out / _WORKERS_LOCK).open("w") as workers:
        if not _lock(parent, 0.0):
            raise UserError(f"{str(out)!r} is in use by another glam-eval: wait for it or give another --out")
        if not _lock(workers, _ORPHAN_SECONDS):
            raise UserError(
                f"workers of an interrupted run still write in {str(out)!r}: try again in a minute"
            )
        fcntl.flock(workers, fcntl.LOCK_UN)
        if fresh:
            _empty(out)
        _write_identity(out, suite)
        yield


@contextlib.contextmanager
def worker_lock(out: Path) -> Iterator[None]:
    """Tell later invocations that a worker is writing here, even if its parent is gone."""
    with (out / _WORKERS_LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def remaining(out: Path, runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Return the runs whose results are not yet complete: what says that they are is written last."""
    finished = finished_runs(out)
    return [planned for planned in runs if not _is_complete(out, planned, finished)]


def _is_complete(out: Path, planned: PlannedRun, finished: set[str]) -> bool:
    if isinstance(planned.config, RunConfig):
        return planned.run_id in finished
    from glam_eval.execution.demonstrations import is_collected

    return is_collected(out, planned.config)


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


def _write_identity(out: Path, suite: SuiteConfig) -> None:
    """Write whose directory it is, whole or not at all."""
    partial = out / _PARTIAL_IDENTITY
    partial.write_text(suite.canonical_json())
    partial.replace(out / IDENTITY)


def _empty(out: Path) -> None:
    for entry in out.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif not entry.name.endswith(".lock"):
            entry.unlink()


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
