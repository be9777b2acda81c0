"""Follows runs that other machines carry out, by the files that they leave."""

import time
from collections.abc import Callable
from pathlib import Path

from glam_eval.core.signals import INTERRUPTS
from glam_eval.execution.failures import failures
from glam_eval.execution.heartbeat import read_sign
from glam_eval.execution.study import heartbeat_file, stop_file, stored_in
from glam_eval.launchers.base import Observe, Outcome, Work
from glam_eval.launchers.messages import Failed, Finished

_LOOK_SECONDS = 2.0
_ASK_SECONDS = 20.0  # between two questions to the engine
_GONE = 3  # questions in a row to which the engine must say that it has a run no more


def follow(work: Work, observe: Observe, has: Callable[[], set[str]]) -> Outcome:
    """Tell of runs as their files do, until all have ended or the engine has none of the others.

    The study's stop file is an interrupt, as it is for the runs themselves.

    Args:
        work: the runs.
        observe: told of progress and ends.
        has: asks the engine which runs it has.
    """
    following = _Following(work, observe)
    try:
        while following.look():
            if stop_file(work.out).exists():
                raise KeyboardInterrupt
            following.ask(has)
            time.sleep(_LOOK_SECONDS)
    except INTERRUPTS as error:
        return Outcome(following.finished, following.failed, error, list(following.left))
    return Outcome(following.finished, following.failed)


class _Following:
    def __init__(self, work: Work, observe: Observe) -> None:
        self._out, self._observe = work.out, observe
        self.left = {planned.run_id: planned for planned in (*work.runs, *work.given)}
        self.finished: list[str] = []
        self.failed: dict[str, str] = {}
        self._beats: dict[str, int] = {}
        self._missing: dict[str, int] = {}
        self._asked = time.monotonic()

    def look(self) -> bool:
        """Tell what has happened since the last look; return whether any run is left."""
        stored = {table: _names(self._out / table) for table in ("runs", "demonstrations")}
        failed, alive = failures(self._out), _names(heartbeat_file(self._out, "_").parent)
        for run_id, planned in list(self.left.items()):
            file = stored_in(planned)
            if file.name in stored[file.parent.name]:
                self._end(run_id)
                self.finished.append(run_id)
                self._observe(Finished(run_id))
            elif run_id in failed:
                self._fail(run_id, failed[run_id])
            elif run_id in alive:
                self._hear(run_id)
        return bool(self.left)

    def ask(self, has: Callable[[], set[str]]) -> None:
        """Give up runs that the engine has lost, now and then."""
        if time.monotonic() - self._asked < _ASK_SECONDS:
            return
        had = has()
        self._asked = time.monotonic()
        for run_id in list(self.left):
            self._missing[run_id] = 0 if run_id in had else self._missing.get(run_id, 0) + 1
            if self._missing[run_id] >= _GONE:
                self._fail(run_id, "its task was cancelled or killed: the same command gives it a new one")

    def _hear(self, run_id: str) -> None:
        try:
            sign = read_sign(heartbeat_file(self._out, run_id))
        except FileNotFoundError:
            return
        if sign.progress and sign.modified != self._beats.get(run_id):
            self._beats[run_id] = sign.modified
            self._observe(sign.progress)

    def _fail(self, run_id: str, reason: str) -> None:
        self._end(run_id)
        self.failed[run_id] = reason
        self._observe(Failed(run_id, reason))

    def _end(self, run_id: str) -> None:
        del self.left[run_id]


def _names(folder: Path) -> set[str]:
    """Return the names in a folder, none if it is not there."""
    try:
        return {each.name for each in folder.iterdir()}
    except FileNotFoundError:
        return set()
