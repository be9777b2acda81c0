"""What a suite's parent and its workers tell each other; loads nothing heavy."""

from dataclasses import dataclass

from glam_eval.execution.progress import Progress


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded everything and waits for a run."""


@dataclass(frozen=True, slots=True)
class Finished:
    """All results of the run are stored."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was stopped on request and can be resumed."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The run can't go on; the log has the traceback."""

    run_id: str
    reason: str


Message = Ready | Finished | Stopped | Failed | Progress


@dataclass(frozen=True, slots=True)
class Begin:
    """Sent to a worker: carry out this run."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Sent to a worker: bring the run under way to a checkpoint and end."""
