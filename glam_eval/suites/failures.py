"""What is left of a run that failed: a row that says so, and a log; both go when it is tried again."""

import contextlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from glam_eval.config.graph import PlannedRun
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.core.text import one_line
from glam_eval.execution.progress import Progress
from glam_eval.execution.rows import date, run_record
from glam_eval.execution.study import log_file
from glam_eval.results import write_table
from glam_eval.suites.messages import Failed, Message

_FAILED = "failed"


class FailureLog:
    """Follows the messages of workers and writes down every failure as it happens."""

    def __init__(self, out: Path, runs: Sequence[PlannedRun], devices: Iterable[str]) -> None:
        self._out, self._device = out, ", ".join(sorted(set(devices)))
        self._runs = {planned.run_id: planned for planned in runs}
        self._frames = dict.fromkeys(self._runs, 0)
        self._heard_first: dict[str, float] = {}

    def observe(self, message: Message) -> None:
        """Take note of how far a run got, or write down that it failed."""
        match message:
            case Progress(run_id):
                self._heard_first.setdefault(run_id, time.time())
                self._frames[run_id] = message.frames
            case Failed(run_id, reason):
                # A full disk is one reason to fail. Whatever it is, the other runs go on, and the failure
                # is named at the end all the same.
                with contextlib.suppress(Exception):
                    self._write(run_id, reason)

    def _write(self, run_id: str, reason: str) -> None:
        log = log_file(self._out, run_id)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open(
            "a", encoding="utf-8", errors="backslashreplace"
        ) as stream:  # a worker that was killed left no more than its stack, or nothing
            stream.write(f"{reason}\n")
        planned, now = self._runs[run_id], time.time()
        if not isinstance(planned.config, RunConfig):  # a table of runs has agents' runs only
            return
        started = self._heard_first.get(run_id, now)
        row = run_record(
            planned.suite,
            planned.config,
            parameters=0,
            frames=self._frames[run_id],
            device=self._device,
            started=date(started),
            seconds=now - started,
            status=_FAILED,
        )
        write_table(self._out, "runs", [row], _row_name(run_id))


def forget_failures(out: Path, runs: Iterable[PlannedRun]) -> None:
    """Remove what earlier failures of runs left, before they are tried again: a run has one row at most."""
    for run_id in (planned.run_id for planned in runs):
        (out / "runs" / f"{_row_name(run_id)}.parquet").unlink(missing_ok=True)
        log_file(out, run_id).unlink(missing_ok=True)


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
