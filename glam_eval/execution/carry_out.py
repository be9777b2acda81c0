"""The one entry by which any launcher has a run of a study made."""

from collections.abc import Callable
from pathlib import Path

from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.execution.heartbeat import heartbeat
from glam_eval.execution.progress import Report, Run
from glam_eval.execution.study import planned_run


def carry_out(out: Path, run_id: str, device: str, report: Report, stop: Callable[[], bool]) -> None:
    """Carry out a run of the study in a directory, from nothing or from its last checkpoint.

    What it needs (``PlannedRun.needs``) must be finished. Its results are complete when this returns.

    Args:
        out: directory of the study; it alone says what the run is.
        run_id: of the run.
        device: where it computes.
        report: called after every update, evaluation or collection.
        stop: asked between steps; a run that is told to stop writes a checkpoint first.

    Raises:
        StoppedError: if it was told to stop.
        UserError: on a run that does not exist, or wrong input found on the way.
        RunFailedError: if it can't go on.
    """
    planned = planned_run(out, run_id)
    with heartbeat(out, run_id):
        if isinstance(planned.config, DemonstrationsConfig):
            from glam_eval.execution.demonstrations import DemonstrationsRun

            teacher = planned.needs[0] if planned.needs else ""
            run: Run = DemonstrationsRun(planned.config, teacher, out, device, report, stop)
        else:
            from glam_eval.execution.agent_run import AgentRun

            run = AgentRun(planned, planned.config, out, device, report, stop)
        run.carry_out()
