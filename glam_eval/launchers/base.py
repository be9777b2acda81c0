"""What every launcher is given, does and returns; loads nothing heavy."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from glam_eval.config.graph import PlannedRun
from glam_eval.execution.failures import record_failure
from glam_eval.execution.progress import Progress
from glam_eval.launchers.messages import Failed, Message

Observe = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class Work:
    """Runs of a study that are to be carried out."""

    out: Path  # directory of the study, which holds its suite
    runs: Sequence[PlannedRun]  # in the order in which they are begun, as far as what they need allows it
    threads: int  # of each
    silence_seconds: float  # after which a run that computes nothing is taken to hang
    seconds: Mapping[str, float]  # about how long each takes, by run_id
    given: Sequence[PlannedRun] = ()  # runs that the engine has from before

    @property
    def devices(self) -> int:
        """Devices of the run that takes most, each with its ``threads``."""
        return max((planned.devices for planned in self.runs), default=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the runs ended."""

    finished: list[str]
    failed: dict[str, str]  # run_id -> reason
    interrupted: BaseException | None = None  # what interrupted them, to be raised again
    under_way: list[str] = field(default_factory=list)  # left to an engine, which goes on by itself


class Launcher(Protocol):
    """Has runs carried out, each after what it needs, by ``execution.carry_out`` in whatever processes.

    It keeps no state but what is in the directory: what ended, and how, is read there.
    """

    name: str

    def under_way(self, out: Path) -> set[str]:
        """Return the runs that were given to the engine before, and that it still has."""

    def carry_out(self, work: Work, observe: Observe) -> Outcome:
        """Carry out runs, or give them to an engine; ``observe`` hears of progress and ends.

        What is needed and not among them is taken to be finished. An interrupt loses nothing stored.

        Raises:
            UserError: if the engine is not there, or refuses.
        """


class FailureLog:
    """Follows the messages of workers and writes down every failure as it happens."""

    def __init__(self, out: Path, runs: Sequence[PlannedRun], device: str) -> None:
        self._out, self._device = out, device
        self._runs = {planned.run_id: planned for planned in runs}
        self._frames = dict.fromkeys(self._runs, 0)
        self._began: dict[str, float] = {}

    def observe(self, message: Message) -> None:
        """Take note of how far a run got, or write down that it failed."""
        match message:
            case Progress(run_id):
                self._began.setdefault(run_id, time.time())
                self._frames[run_id] = message.frames
            case Failed(run_id, reason):
                planned, began = self._runs[run_id], self._began.get(run_id)
                record_failure(self._out, planned, reason, self._device, self._frames[run_id], began)
