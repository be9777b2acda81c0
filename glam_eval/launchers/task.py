"""A task of an engine, as a program: carries out some runs of a study on whichever machine it finds itself.

``python -m glam_eval.launchers.task DIRECTORY PLAN INDEX``. The runs are carried out by a worker of this
process, as on one's own machine: it is this process, which loads nothing heavy, that takes signals from its
first moments on, sees that a run hangs, and goes on where a worker died.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from glam_eval.config.graph import PlannedRun
from glam_eval.core.errors import UserError
from glam_eval.core.signals import EndedError, ending_signals_raise
from glam_eval.execution.failures import failures
from glam_eval.execution.progress import Progress
from glam_eval.execution.study import is_stored, planned_run, read_suite, stop_file
from glam_eval.launchers.base import FailureLog, Outcome
from glam_eval.launchers.messages import Failed, Finished, Message
from glam_eval.launchers.plans import PLANS, read_plan
from glam_eval.launchers.scheduler import Scheduler
from glam_eval.launchers.slurm import AGAIN
from glam_eval.results import finished_runs

LIMIT_SIGNAL = signal.SIGUSR1  # sent some time before the time limit
BEAT_SECONDS = 10.0  # between two touches of a heartbeat file: thousands of runs share one file system
_IDLE_ATTEMPTS = 3  # that may come to their time limit without an update or evaluation, one after another
_SHORT = "the time limit is too short for a start and one update: raise time, or lower warning"


def main(arguments: Sequence[str]) -> int:
    """Carry out a task; return 0 when its runs have ended, whether they failed or not.

    Failures are written down in the directory; an exit code of another kind would cancel the tasks that wait
    for this one. AGAIN asks to be begun again, where the runs go on.
    """
    out, name, index = Path(arguments[0]), arguments[1], int(arguments[2])
    try:
        with ending_signals_raise(), _limit_raises():
            outcome = _carry_out(out, name, index)
    except UserError as error:
        print(f"glam-eval: {error}", file=sys.stderr)
        return 2
    except EndedError as error:
        return AGAIN if error.number == LIMIT_SIGNAL else error.exit_code
    if isinstance(outcome.interrupted, EndedError):
        limited = outcome.interrupted.number == LIMIT_SIGNAL
        return AGAIN if limited else outcome.interrupted.exit_code
    return 130 if outcome.interrupted else 0


@contextlib.contextmanager
def _limit_raises() -> Iterator[None]:
    """Raise ``EndedError`` at the signal that announces the time limit."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        signal.signal(number, signal.SIG_IGN)
        raise EndedError(number)

    before = signal.signal(LIMIT_SIGNAL, end)
    try:
        yield
    finally:
        signal.signal(LIMIT_SIGNAL, before)


def _carry_out(out: Path, name: str, index: int) -> Outcome:
    plan, suite = read_plan(out, name), read_suite(out)
    if not plan.tasks.get(index):
        raise UserError(f"plan {name!r} has no task {index}")
    planned = [planned_run(out, run_id) for run_id in plan.tasks[index]]
    failed = failures(out)
    runs = [each for each in planned if not is_stored(out, each) and each.run_id not in failed]
    log = FailureLog(out, runs, plan.device)
    heard: list[Message] = []

    def observe(message: Message) -> None:
        log.observe(message)
        if isinstance(message, Progress | Finished) and not heard:
            heard.append(message)
        if isinstance(message, Finished | Failed):
            print(message, flush=True)

    runs = [each for each in runs if not _lacks(out, each, runs, observe)]
    stop = _stopping(out)
    scheduler = Scheduler(
        out,
        [plan.device],
        suite.threads,
        observe,
        suite.silence_seconds,
        stop=stop,
        beat_seconds=BEAT_SECONDS,
    )
    outcome = scheduler.run(runs) if runs else Outcome([], {})
    if isinstance(outcome.interrupted, EndedError) and outcome.interrupted.number == LIMIT_SIGNAL:
        return _at_the_limit(out, f"{name}.{index}", outcome, runs, bool(heard), observe)
    return outcome


def _lacks(
    out: Path, planned: PlannedRun, together: Sequence[PlannedRun], observe: Callable[[Message], None]
) -> bool:
    """Return whether a run lacks what it needs, which is then its failure."""
    here = {each.run_id for each in together}
    for need in planned.needs:
        needed = planned_run(out, need)
        if need in here or is_stored(out, needed) or need in finished_runs(out):
            continue
        observe(Failed(planned.run_id, f"it needs {need}, which failed or is not there"))
        return True
    return False


def _at_the_limit(
    out: Path,
    task: str,
    outcome: Outcome,
    runs: Sequence[PlannedRun],
    got_on: bool,
    observe: Callable[[Message], None],
) -> Outcome:
    """Return how a task ends at its time limit: it is begun again, unless that gets its runs nowhere."""
    idle = out / PLANS / f"{task}.idle"
    attempts = 0 if got_on else 1 + (len(idle.read_bytes()) if idle.exists() else 0)
    if attempts < _IDLE_ATTEMPTS:
        idle.write_bytes(b"." * attempts)
        return outcome
    for planned in runs:
        if planned.run_id not in {*outcome.finished, *outcome.failed}:
            observe(Failed(planned.run_id, _SHORT))
    return Outcome(outcome.finished, outcome.failed)


def _stopping(out: Path) -> Callable[[], bool]:
    """Return what asks a task to stop: the study's stop file, and the end of whoever started it."""
    parent, asked = os.getppid(), stop_file(out)
    return lambda: asked.exists() or os.getppid() != parent


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
