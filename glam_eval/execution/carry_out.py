"""The one entry by which any launcher has a run of a study made."""

from collections.abc import Callable
from pathlib import Path

from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.core.leases import HeldError, held
from glam_eval.execution.heartbeat import BEAT_SECONDS, heartbeat
from glam_eval.execution.progress import Report, Run, StoppedError
from glam_eval.execution.study import is_stored, planned_run


def carry_out(
    out: Path,
    run_id: str,
    device: str,
    report: Report,
    stop: Callable[[], bool],
    beat_seconds: float = BEAT_SECONDS,
) -> None:
    """Carry out a run of the study in a directory, from nothing or from its last checkpoint.

    What it needs (``PlannedRun.needs``) must be finished. Its results are complete when this returns. Another
    process that is at it, on whichever machine, is waited for, and so is the time in which one that is gone
    could still come back.

    Args:
        out: directory of the study; it alone says what the run is.
        run_id: of the run.
        device: where it computes.
        report: called after every update, evaluation or collection.
        stop: asked between steps, as is the study's stop file; a run that is told to stop writes a
            checkpoint first.
        beat_seconds: between two touches of the run's heartbeat file.

    Raises:
        StoppedError: if it was told to stop.
        LostError: if another process took it over, as this one seemed gone; what is stored is theirs.
        UserError: on a run that does not exist, or wrong input found on the way.
        RunFailedError: if it can't go on.
    """
    planned = planned_run(out, run_id)
    stored = is_stored(out, planned)
    try:
        with held(out, run_id, seconds=float("inf"), stop=stop) as lease:
            if not stored and is_stored(out, planned):  # by whom was waited for
                return
            with heartbeat(out, run_id, lease, device, beat_seconds) as signs:
                told, asked = signs.telling(report), signs.asking(stop)
                if isinstance(planned.config, DemonstrationsConfig):
                    from glam_eval.execution.demonstrations import DemonstrationsRun

                    teacher = planned.needs[0] if planned.needs else ""
                    run: Run = DemonstrationsRun(planned.config, teacher, out, device, told, asked)
                else:
                    from glam_eval.execution.agent_run import AgentRun

                    run = AgentRun(planned, planned.config, out, device, told, asked)
                run.carry_out()
    except HeldError:
        raise StoppedError from None
