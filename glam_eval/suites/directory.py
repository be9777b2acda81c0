"""The directory of a suite's results: whose it is, and who may write in it now."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glam_eval.config.conversation import NOT_OF_ANSWERS
from glam_eval.config.settings import differences
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError
from glam_eval.core.files import UNFINISHED
from glam_eval.core.leases import CLAIMS, HeldError, held, living_holders
from glam_eval.execution.study import IDENTITY, MARKER, read_suite, stop_file, suite_made_here, write_suite
from glam_eval.launchers import slurm
from glam_eval.suites.emptying import empty

_LEASE = "directory"
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
    unlike = list(differences(_results_of(stored), _results_of(wanted)))
    if unlike:
        raise UserError(
            f"--out {str(out)!r} holds results of another configuration ({'; '.join(unlike[:3])}): "
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
def claimed(out: Path, suite: SuiteConfig, fresh: bool = False, shared: bool = False) -> Iterator[list[str]]:
    """Hold the directory for one invocation; raise a UserError if another one is at work in it.

    So it is if runs of the study go on by themselves, unless they may (``shared``).

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
    try:
        with held(out, _LEASE):
            if not shared or stop_file(out).exists():
                _wait_for_workers(out)
            left = []
            if fresh:
                left = empty(out, {CLAIMS, IDENTITY, MARKER})
            write_suite(out, suite)
            stop_file(out).unlink(missing_ok=True)
            yield left
    except HeldError as error:
        raise UserError(
            f"{str(out)!r} is in use by another glam-eval ({error}): wait for it or give another --out"
        ) from None


def _wait_for_workers(out: Path) -> None:
    """Raise a UserError if runs of the study go on elsewhere; those whose parent is gone end soon."""
    jobs = {entry.job for entry in (slurm.queued(out) or {}).values()}
    if jobs:
        raise UserError(
            f"Slurm has {len(jobs)} tasks for {str(out)!r}: wait for them, or glam-eval cancel {out}, "
            "or go on with --launcher slurm"
        )
    others = living_holders(out, _ORPHAN_SECONDS, besides={_LEASE})
    for run_id, holder in others.items():
        raise UserError(f"{run_id} still goes on in {str(out)!r} ({holder}): try again in a minute")


def _is_first(name: str) -> bool:
    """Return whether a file is all that there may be if we were killed at once."""
    return name in (CLAIMS, MARKER) or name.endswith(UNFINISHED)


def _results_of(suite: dict[str, Any]) -> dict[str, Any]:
    """Return what the runs' results depend on: more seeds, or other words about them, can join.

    So can answers that come from elsewhere, or at another pace: another endpoint of the same model.
    """
    kept = {key: value for key, value in suite.items() if key not in _MAY_DIFFER}
    kept["agents"] = [_without_pace(entry) for entry in kept["agents"]]
    return _without_pace(kept)


def _without_pace(group: dict[str, Any]) -> dict[str, Any]:
    talk = group.get("conversation", {})
    return {**group, "conversation": {key: talk[key] for key in talk if key not in NOT_OF_ANSWERS}}


def _is_writable(directory: Path) -> bool:
    return os.access(directory, os.W_OK | os.X_OK)
