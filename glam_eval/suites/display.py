"""What a person sees while a suite runs: bars in a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.progress import TaskID

from glam_eval.config.graph import PlannedRun
from glam_eval.core.console import Console, styled
from glam_eval.core.progress_bars import progress_bars
from glam_eval.execution.progress import Progress
from glam_eval.launchers.messages import Failed, Finished, Message, Stopped

_LINE_SECONDS = 15.0  # between plain lines
_NEARLY = 0.99  # the most that is shown as done before all runs are
_TELLING = 0.05  # the share of the work from which a rate tells how long the rest takes


class Display:
    """Follows the messages of workers."""

    def __init__(self, runs: Sequence[PlannedRun], finished: int, console: Console) -> None:
        self._console = console
        self._total = len(runs) + finished
        self._finished = finished
        self._failed = 0
        self._work = {planned.run_id: _units(planned) for planned in runs}
        self._done = dict.fromkeys(self._work, 0.0)
        self._spoke = time.monotonic()
        self._first: tuple[float, float] | None = None  # when work was first heard of, and how much was done
        self._latest = "nothing heard yet"
        self._bars: dict[str, TaskID] = {}
        self._progress = progress_bars(console)
        self._overall = self._progress.add_task(
            self._headline(), total=max(1.0, sum(self._work.values())), status=""
        )

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()

    def observe(self, message: Message) -> None:
        """Show a worker's message."""
        match message:
            case Progress():
                self._advance(message)
            case Finished(run_id):
                self._finished += 1
                self._done[run_id] = self._work[run_id]
                self._close(run_id)
            case Failed(run_id, reason):
                self._failed += 1
                self._done[run_id] = self._work[run_id]
                self._close(run_id)
                self._console.print(styled(("failed", "red"), f" {run_id}: {reason}"))
            case Stopped(run_id):
                self._close(run_id)
            case _:
                return
        done = sum(self._done.values())
        if self._finished + self._failed < self._total:  # what remains has to show
            done = min(done, _NEARLY * sum(self._work.values()))
        self._progress.update(self._overall, completed=done, description=self._headline())
        self._say(done)

    def _advance(self, message: Progress) -> None:
        run_id = message.run_id
        training = self._done[run_id]
        self._done[run_id] = max(training, _units_done(message))
        if run_id not in self._bars:
            self._bars[run_id] = self._progress.add_task(run_id, total=self._work[run_id], status="")
        success = "" if math.isnan(message.success) else f"success {message.success:.2f}"
        rate = "" if math.isnan(message.frames_per_second) else f"{message.frames_per_second:,.0f} frames/s"
        status = "  ".join(part for part in (message.phase, f"{message.frames:,}", success, rate) if part)
        self._progress.update(self._bars[run_id], completed=self._done[run_id], status=status)
        self._latest = f"{run_id}: {status}"

    def _close(self, run_id: str) -> None:
        if run_id in self._bars:
            self._progress.remove_task(self._bars.pop(run_id))

    def _headline(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._finished} of {self._total} runs done{failed}"

    def _say(self, done: float) -> None:
        """Print a plain line now and then where bars can't be drawn."""
        now = time.monotonic()
        if self._first is None and done:
            self._first = now, done
        if self._console.is_terminal or now - self._spoke < _LINE_SECONDS:
            return
        self._spoke = now
        share = done / max(1.0, sum(self._work.values()))
        self._console.print(
            f"{self._headline()}, {share:.0%}{self._time_left(now, done)}; {self._latest}",
            soft_wrap=True,
        )

    def _time_left(self, now: float, done: float) -> str:
        """Return how long the rest takes at the rate since work began, once that can be told."""
        total = sum(self._work.values())
        if self._first is None or done - self._first[1] < _TELLING * total:
            return ""
        seconds = (now - self._first[0]) * (total - done) / (done - self._first[1])
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"


_EVALUATION_UNITS = 500.0  # frames' worth of bar for a run's evaluations: they are short beside training


def _units(planned: PlannedRun) -> float:
    return planned.config.total_frames + _EVALUATION_UNITS * bool(planned.protocols)


def _units_done(message: Progress) -> float:
    return float(message.frames)
