"""What a suite's parent and its workers tell each other; loads nothing heavy."""

from dataclasses import dataclass
from pathlib import Path

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig


@dataclass(frozen=True, slots=True)
class Plan:
    """A run and the protocols that its agent is evaluated under."""

    suite: str
    config: RunConfig
    protocols: tuple[ProtocolConfig, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands."""

    run_id: str
    phase: str
    frames: int
    total_frames: int
    success: float  # of the newest training batch or evaluation; NaN before the first
    frames_per_second: float


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded everything and waits for a plan."""


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
class Stop:
    """Sent to a worker: bring the run under way to a checkpoint and end."""


def log_file(out: Path, run_id: str) -> Path:
    """Return where a run's failure is written down."""
    return out / "logs" / f"{run_id}.log"
