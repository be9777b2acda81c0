"""Keeps trackers away from runs: each works in a thread of its own; whatever it does, the run goes on."""

import queue
import threading
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from glam_eval.core.errors import described
from glam_eval.tracking.protocol import MakeTracker, TrackedRun
from glam_eval.tracking.registry import make_tracker, tracker_names

_WAITING = 10_000  # numbers of so many updates wait for a slow tracker; then it is given up
_CLOSE_SECONDS = 10.0  # for a tracker to write what it has, at the end of a run

_Values = tuple[int, dict[str, float]]


class Trackers:
    """The trackers of one run, as one; nothing here raises, and nothing waits but the end, for a while."""

    def __init__(self, run: TrackedRun, makers: Mapping[str, MakeTracker]) -> None:
        self._guarded = [_Guarded(name, make, run) for name, make in makers.items()]

    def log(self, frames: int, values: Mapping[str, float]) -> None:
        """Give values to every tracker; see ``Tracker.log``."""
        for each in self._guarded:
            each.log(frames, values)

    def __enter__(self) -> Self:
        """Return the trackers themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every tracker, whatever ended the run."""
        for each in self._guarded:
            each.end()
        for each in self._guarded:
            each.wait()


def open_trackers(run: TrackedRun) -> Trackers:
    """Return the trackers that the environment asks for; what can't be had is left out, with a warning."""
    makers = {}
    for name in tracker_names():
        try:
            makers[name] = make_tracker(name)
        except Exception as error:
            _warn(name, run.run_id, described(error))
    return Trackers(run, makers)


class _Guarded:
    """One tracker, in a thread that dies with the process."""

    def __init__(self, name: str, make: MakeTracker, run: TrackedRun) -> None:
        self._name, self._make, self._run = name, make, run
        self._values: queue.Queue[_Values | None] = queue.Queue(_WAITING)
        self._given_up = False
        self._thread = threading.Thread(target=self._serve, name=f"tracker {name}", daemon=True)
        self._thread.start()

    def log(self, frames: int, values: Mapping[str, float]) -> None:
        self._put((frames, dict(values)))

    def end(self) -> None:
        self._put(None)

    def wait(self) -> None:
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive() and not self._given_up:
            self._give_up(f"it did not close within {_CLOSE_SECONDS:g} s")

    def _put(self, item: _Values | None) -> None:
        if self._given_up:
            return
        try:
            self._values.put_nowait(item)
        except queue.Full:
            self._give_up(f"it is more than {_WAITING:,} updates behind")

    def _serve(self) -> None:
        try:
            tracker = self._make(self._run)
            while (item := self._values.get()) is not None and not self._given_up:
                tracker.log(*item)
            tracker.close()
        except BaseException as error:  # others' code, which may also try to end the program
            self._give_up(described(error))

    def _give_up(self, why: str) -> None:
        self._given_up = True
        _warn(self._name, self._run.run_id, why)


def _warn(name: str, run_id: str, why: str) -> None:
    """Warn that a tracker is left out; where warnings are errors, this one is nobody's."""
    try:
        warnings.warn(f"tracker {name!r} is left out of {run_id}, which goes on: {why}", stacklevel=3)
    except Warning:
        return
