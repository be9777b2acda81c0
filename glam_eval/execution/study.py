"""The directory of a study: whose it is, which runs it owes, and where a run leaves what."""

import hashlib
import json
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.graph import PlannedRun
from glam_eval.config.settings import differences
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError
from glam_eval.core.files import write_text_atomically

IDENTITY = "suite.json"
# Holds a random name of the directory that suite.json repeats: together they show that we made it. A copied
# suite.json alone shows nothing; whoever copies both makes a directory that --fresh takes for ours, which is
# why --fresh deletes known names only.
MARKER = ".glam-eval"
# Keys of suite.json beside the suite's own; the last is of all settings, defaults among them.
_BESIDES = _DIRECTORY, _CHECKSUM, _SETTINGS = ("directory", "sha256", "settings")
_NAME_BYTES = 16


def write_suite(out: Path, suite: SuiteConfig) -> None:
    """Write whose results a directory holds, whole or not at all; a new one is marked as made by us."""
    if not (out / IDENTITY).exists() and not (out / MARKER).exists():
        write_text_atomically(out / MARKER, f"{secrets.token_hex(_NAME_BYTES)}\n")
    # What is set, no defaults: a default beside an agent that says otherwise would contradict it.
    values = {_DIRECTORY: _marked(out), _SETTINGS: suite.model_dump(mode="json")}
    values |= suite.model_dump(mode="json", exclude_unset=True)
    write_text_atomically(out / IDENTITY, json.dumps({_CHECKSUM: _checksum(values), **values}))


def read_suite(out: Path) -> SuiteConfig:
    """Return the suite whose results a directory holds, as it was when this process last saw it written.

    Raises:
        UserError: if it holds none, or the file that says so is damaged, or defaults have changed since. Keys
            that came since are no change: they stand at what was done before they were there.
    """
    return _suite(out, _version(out))


@lru_cache(maxsize=1)  # a suite of thousands of runs takes seconds to expand
def _suite(out: Path, version: tuple[int, int]) -> SuiteConfig:  # noqa: ARG001  # read again once it changed
    values = _read_identity(out)
    suite = SuiteConfig.parse({k: v for k, v in values.items() if k not in _BESIDES}, str(out / IDENTITY))
    changed = next(differences(values[_SETTINGS], suite.model_dump(mode="json"), later=False), None)
    if changed:
        raise UserError(
            f"{out / IDENTITY} is of a version with other defaults ({changed}): give another directory"
        )
    return suite


def _version(out: Path) -> tuple[int, int]:
    """Return what tells the file of a suite from the one that takes its place, zeros if there is none."""
    try:
        told = (out / IDENTITY).stat()
    except OSError:  # which reading it will name
        return 0, 0
    return told.st_mtime_ns, told.st_ino


def suite_made_here(out: Path) -> str | None:
    """Return the name of the suite whose directory we made; None if somebody else made it.

    Raises:
        UserError: if the directory holds no study, or the file that says which is damaged.
    """
    values = _read_identity(out)
    ours = bool(_marked(out)) and values.get(_DIRECTORY) == _marked(out)
    return str(values.get("name")) if ours else None


def _marked(out: Path) -> str:
    """Return the random name that marks a directory as made by us, empty if none does."""
    marker = out / MARKER
    try:
        name = "" if marker.is_symlink() else marker.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return name if len(name) == 2 * _NAME_BYTES else ""


def _read_identity(out: Path) -> dict[str, Any]:
    file = out / IDENTITY
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or values.pop(_CHECKSUM, "") != _checksum(values):
            raise ValueError("its checksum is wrong")
        if not isinstance(values.get(_SETTINGS), dict):
            raise ValueError("it holds no settings")
    except FileNotFoundError:
        raise UserError(f"{str(out)!r} holds no study: it has no {IDENTITY}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{file} is damaged, or of an older version ({str(error).splitlines()[0]}): "
            "give another directory"
        ) from None
    return values


def _checksum(values: dict[str, Any]) -> str:
    """Return the SHA-256 of settings, however they are laid out in the file."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def planned_run(out: Path, run_id: str) -> PlannedRun:
    """Return a run of the study in a directory.

    Raises:
        UserError: if the study has no such run, because what it is made of has changed.
    """
    planned = _planned(out, _version(out))
    if run_id not in planned:
        raise UserError(
            f"{str(out)!r} has no run {run_id}: have a model or demonstrations changed since it was planned?"
        )
    return planned[run_id]


@lru_cache(maxsize=1)
def _planned(out: Path, version: tuple[int, int]) -> dict[str, PlannedRun]:
    return {planned.run_id: planned for planned in _suite(out, version).graph}


def checkpoints(out: Path, run_id: str) -> Path:
    """Return the directory of a run's checkpoints."""
    return out / "checkpoints" / run_id


def answers_file(out: Path, run_id: str) -> Path:
    """Return where every answer of a served model is kept as it comes, so that none is asked for twice."""
    return out / "answers" / f"{run_id}.jsonl"


def demonstrations_file(out: Path, run_id: str) -> Path:
    """Return the table that a set of demonstrations becomes once it is whole."""
    return out / "demonstrations" / f"{run_id}.parquet"


def log_file(out: Path, run_id: str) -> Path:
    """Return where a run's failures, and its stack where it hung, are written down."""
    return out / "logs" / f"{run_id}.log"


def heartbeat_file(out: Path, run_id: str) -> Path:
    """Return the file that a run touches as long as it computes, and that tells where it stands."""
    return out / ".alive" / run_id


def failure_file(out: Path, run_id: str) -> Path:
    """Return the file that says why a run failed, until it is tried again."""
    return out / ".failed" / run_id


def stop_file(out: Path) -> Path:
    """Return the file that asks all runs of the study to write a checkpoint and end."""
    return out / ".stop"


def stored_in(planned: PlannedRun) -> Path:
    """Return the file in a study's directory that says that a run is complete, until it is compacted."""
    folder = "demonstrations" if isinstance(planned.config, DemonstrationsConfig) else "runs"
    return Path(folder, f"{planned.run_id}.parquet")


def is_stored(out: Path, planned: PlannedRun) -> bool:
    """Return whether a run that was not compacted yet is complete, by the name of a file alone."""
    return (out / stored_in(planned)).exists()


def name_of_directory(out: Path) -> str:
    """Return the random name of a directory that we made, empty if somebody else did."""
    return _marked(out)
