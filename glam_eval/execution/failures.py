"""What is left of a run that failed: a row that says so, and a log; both go when it is tried again."""

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from glam_eval.config.graph import PlannedRun
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.core.text import one_line
from glam_eval.execution.rows import date, run_record
from glam_eval.execution.study import failure_file, log_file
from glam_eval.results import write_table

_FAILED = "failed"


def record_failure(
    out: Path, planned: PlannedRun, reason: str, device: str, frames: int = 0, began: float | None = None
) -> None:
    """Write down that a run failed: why, in its log and for whoever looks, and its row.

    A full disk is one reason to fail. Whatever it is, it must not harm other runs.

    Args:
        out: directory of the study.
        planned: the run.
        reason: in words.
        device: where it computed.
        frames: how far it got.
        began: when it was first heard of, seconds since the epoch; None if it never was.
    """
    with contextlib.suppress(Exception):
        _write(out, planned, reason, device, frames, began)


def _write(
    out: Path, planned: PlannedRun, reason: str, device: str, frames: int, began: float | None
) -> None:
    run_id, now = planned.run_id, time.time()
    log, told = log_file(out, run_id), failure_file(out, run_id)
    for each in (log, told):
        each.parent.mkdir(parents=True, exist_ok=True)
    with log.open(
        "a", encoding="utf-8", errors="backslashreplace"
    ) as stream:  # a worker that was killed left no more than its stack, or nothing
        stream.write(f"{reason}\n")
    if isinstance(planned.config, RunConfig):  # a table of runs has agents' runs only
        row = run_record(
            planned.suite,
            planned.config,
            parameters=0,
            frames=frames,
            device=device,
            started=date(began or now),
            seconds=now - (began or now),
            status=_FAILED,
        )
        write_table(out, "runs", [row], _row_name(run_id))
    told.write_text(reason, encoding="utf-8", errors="backslashreplace")


def failures(out: Path) -> dict[str, str]:
    """Return why runs failed that have not been tried again since, by run_id."""
    folder = failure_file(out, "_").parent
    return {
        file.name: file.read_text(encoding="utf-8", errors="replace")
        for file in (folder.iterdir() if folder.is_dir() else ())
    }


def forget_failures(out: Path, runs: Iterable[PlannedRun]) -> None:
    """Remove what earlier failures of runs left, before they are tried again: a run has one row at most."""
    for run_id in (planned.run_id for planned in runs):
        (out / "runs" / f"{_row_name(run_id)}.parquet").unlink(missing_ok=True)
        log_file(out, run_id).unlink(missing_ok=True)
        failure_file(out, run_id).unlink(missing_ok=True)


def failure(failed: dict[str, str], out: Path, others: bool) -> RunFailedError:
    """Return the error that names every failed run, why, and where its log is; ``others`` did not fail."""
    lines = [
        f"{run_id}: {one_line(reason)} (log: {log_file(out, run_id)})" for run_id, reason in failed.items()
    ]
    count = f"{len(lines)} run{'s' * (len(lines) != 1)} failed"
    stored = ", the others' results are stored" if others else ""
    return RunFailedError("\n".join([f"{count}{stored}:", *lines]))


def _row_name(run_id: str) -> str:
    return f"{run_id}-{_FAILED}"
