"""The directory of a study: whose it is, which runs it owes, and where a run leaves what."""

import json
from functools import lru_cache
from pathlib import Path

from glam_eval.config.graph import PlannedRun
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError

IDENTITY = "suite.json"


def read_suite(out: Path) -> SuiteConfig:
    """Return the suite whose results a directory holds.

    Raises:
        UserError: if it holds none, or the file that says so is damaged.
    """
    file = out / IDENTITY
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("no settings")
    except FileNotFoundError:
        raise UserError(f"{str(out)!r} holds no study: it has no {IDENTITY}") from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file} can't be read ({str(error).splitlines()[0]}): give another directory"
        ) from None
    return SuiteConfig.parse(values, str(file))


def planned_run(out: Path, run_id: str) -> PlannedRun:
    """Return a run of the study in a directory.

    Raises:
        UserError: if the study has no such run, because what it is made of has changed.
    """
    file = out / IDENTITY
    planned = _planned(out, file.stat().st_mtime_ns if file.exists() else 0)
    if run_id not in planned:
        raise UserError(
            f"{str(out)!r} has no run {run_id}: have a model or demonstrations changed since it was planned?"
        )
    return planned[run_id]


@lru_cache(maxsize=1)
def _planned(out: Path, modified: int) -> dict[str, PlannedRun]:  # noqa: ARG001  # read again once it changed
    return {planned.run_id: planned for planned in read_suite(out).graph}


def checkpoints(out: Path, run_id: str) -> Path:
    """Return the directory of a run's checkpoints."""
    return out / "checkpoints" / run_id


def log_file(out: Path, run_id: str) -> Path:
    """Return where a run's failures, and its stack where it hung, are written down."""
    return out / "logs" / f"{run_id}.log"


def heartbeat_file(out: Path, run_id: str) -> Path:
    """Return the file that a run touches as long as it computes."""
    return out / ".alive" / run_id
