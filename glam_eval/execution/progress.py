"""What a run under way tells, and how it is asked to stop; loads nothing heavy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

COLLECTING, TRAINING = "collecting", "training"


class StoppedError(Exception):
    """The run was asked to stop; everything so far is in its checkpoint."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands."""

    run_id: str
    phase: str
    frames: int
    total_frames: int
    success: float  # of the newest training batch or evaluation; NaN before the first
    frames_per_second: float


Report = Callable[[Progress], None]


class Run(Protocol):
    """A run that can be carried out: of an agent, or of a collection of demonstrations."""

    def carry_out(self) -> None:
        """Go on to the end, and store all results; raises StoppedError when asked to stop."""
