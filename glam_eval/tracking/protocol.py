"""What a tracker is: something made for a run that is given numbers as they come, and closed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from glam_eval.core.records import TrainingRecord

_IDENTITY = {"run_id", "agent", "model", "seed", "frames"}  # of the run, and the axis
_OF_ENDED = {"success_rate", "return_mean", "length_mean"}  # of the episodes that ended


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """The run that a tracker is made for.

    Attributes:
        directory: Results directory of the study.
        suite: Name of the study.
        run_id: Of the run; unique within the directory.
        config: All that the run's agent reads, as JSON holds it.
        frames: Environment steps of the checkpoint that the run goes on from, None for one that begins: what
            was told of later steps is told again.
    """

    directory: Path
    suite: str
    run_id: str
    config: Mapping[str, Any]
    frames: int | None


class Tracker(Protocol):
    """Takes the numbers of one run. Its methods are called one at a time, in a thread of its own.

    It may raise, or take long: it is then left out, with a warning, and the run goes on.
    """

    def log(self, frames: int, values: Mapping[str, float]) -> None:
        """Take values by name, for instance ``training/success_rate``, after so many environment steps."""

    def close(self) -> None:
        """Write what is not written yet; nothing is logged afterwards."""


MakeTracker = Callable[[TrackedRun], Tracker]
"""What an entry point of the group ``glam_eval.trackers`` names: a class or function that takes the run."""


def training_values(record: TrainingRecord, *, early: bool = False) -> dict[str, float]:
    """Return an update's numbers by name: the table ``training``, column by column, but for what it is of.

    ``early`` is an update before as many episodes ended as are played at a time: those that end first are the
    quick and lucky ones, so that what they say of success is NaN.
    """
    names = [field.name for field in fields(record) if field.name not in _IDENTITY]
    known = {name: math.nan if early and name in _OF_ENDED else getattr(record, name) for name in names}
    return {f"training/{name}": value for name, value in known.items()}
