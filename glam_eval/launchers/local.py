"""Runs on this machine: a worker process a device."""

from collections.abc import Sequence
from pathlib import Path

from glam_eval.execution.study import stop_file
from glam_eval.launchers.base import FailureLog, Observe, Outcome, Work
from glam_eval.launchers.messages import Message
from glam_eval.launchers.scheduler import Scheduler


class LocalLauncher:
    """Carries out runs in worker processes of this one, which end with it."""

    name = "local"

    def __init__(self, devices: Sequence[str]) -> None:
        """Begin with a worker for each of ``devices``."""
        self._devices = devices

    def under_way(self, out: Path) -> set[str]:  # noqa: ARG002  # no worker outlives its parent
        """Return none."""
        return set()

    def carry_out(self, work: Work, observe: Observe) -> Outcome:
        """Carry out runs; the study's stop file is an interrupt as Ctrl-C is."""
        failures = FailureLog(work.out, work.runs, ", ".join(sorted(set(self._devices))))

        def seen(message: Message) -> None:
            failures.observe(message)
            observe(message)

        scheduler = Scheduler(
            work.out,
            self._devices,
            work.threads,
            seen,
            work.silence_seconds,
            stop=stop_file(work.out).exists,
        )
        return scheduler.run(work.runs)
