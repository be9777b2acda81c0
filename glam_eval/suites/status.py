"""Where every run of a study stands, from files alone, on any machine that has the directory."""

import contextlib
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from glam_eval.core.errors import UserError
from glam_eval.core.leases import PATIENCE_SECONDS, Holder, claims
from glam_eval.execution.failures import failures
from glam_eval.execution.heartbeat import Sign, read_sign
from glam_eval.execution.owed import owed
from glam_eval.execution.study import heartbeat_file, read_suite, stop_file
from glam_eval.launchers import slurm

FINISHED, RUNNING, SILENT, QUEUED, FAILED, OWED = STATES = (
    "finished",
    "running",
    "silent",  # nobody touched its lease for so long that it may be taken over
    "queued",
    "failed",
    "owed",  # and nobody is at it
)


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where one run stands."""

    run_id: str
    state: str  # one of STATES
    where: str = ""  # who is at it, and on what
    frames: int = 0
    total_frames: int = 0
    success: float = float("nan")
    told: str = ""  # what else there is to say


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """Where a study stands."""

    runs: list[RunStatus]
    stopping: bool  # whether it was asked to stop
    asked: str  # why Slurm could not be asked, empty if it could or need not

    def counts(self) -> dict[str, int]:
        """Return how many runs are in each state, in the order of states, without those that none is in."""
        counted = Counter(run.state for run in self.runs)
        return {state: counted[state] for state in STATES if counted[state]}


def study_status(out: Path) -> StudyStatus:
    """Return where the study in a directory stands; nothing in it is changed.

    Raises:
        UserError: if the directory holds no study, or a file is damaged.
    """
    graph = read_suite(out).graph
    asked, queue = "", dict[str, slurm.Queued]()
    try:
        answer = slurm.queued(out)
        asked, queue = (
            ("", answer) if answer is not None else ("no squeue here to ask for what is queued", {})
        )
    except UserError as error:
        asked = str(error)
    # What is complete comes last: of a run that ends meanwhile nobody would seem to have it, else.
    held, failed = claims(out), failures(out)
    still_owed = owed(out, graph)
    now, told = _now(out), []
    for planned in graph:
        run_id, total = planned.run_id, planned.config.total_frames
        if run_id not in still_owed:
            told.append(RunStatus(run_id, FINISHED, frames=total, total_frames=total))
        elif run_id in held:
            told.append(_held(out, run_id, total, *held[run_id], queue.get(run_id), now))
        elif run_id in queue:
            job = queue[run_id]
            told.append(RunStatus(run_id, QUEUED, _where(job), total_frames=total, told=job.state))
        elif run_id in failed:
            told.append(RunStatus(run_id, FAILED, total_frames=total, told=failed[run_id]))
        else:
            told.append(RunStatus(run_id, OWED, total_frames=total, told=still_owed[run_id]))
    return StudyStatus(told, stop_file(out).exists(), asked)


def _held(
    out: Path, run_id: str, total: int, holder: Holder, touched: int, job: slurm.Queued | None, now: int
) -> RunStatus:
    """Return where a run stands that a process holds, or held."""
    sign = Sign(touched)
    with contextlib.suppress(FileNotFoundError):
        sign = read_sign(heartbeat_file(out, run_id))
    where = " ".join(filter(None, (str(holder), sign.device, sign.visible, _where(job) if job else "")))
    progress = sign.progress
    frames, success = (progress.frames, progress.success) if progress else (0, float("nan"))
    quiet = (now - touched) / 1e9
    state = SILENT if quiet > PATIENCE_SECONDS else RUNNING
    phase = progress.phase if progress else "begins"
    return RunStatus(
        run_id,
        state,
        where,
        frames,
        total,
        success,
        f"no sign for {quiet / 60:.0f} min" if state == SILENT else phase,
    )


def _where(job: slurm.Queued) -> str:
    return f"Slurm {job.job}" + (f" on {job.node}" if job.node else "")


def _now(out: Path) -> int:
    """Return the time in ns by the clock that stamps files in a directory; ours if we can't write there."""
    try:
        with tempfile.TemporaryFile(dir=out) as file:
            file.write(b".")
            file.flush()
            return Path(f"/proc/self/fd/{file.fileno()}").stat().st_mtime_ns
    except OSError:
        return time.time_ns()
