"""A worker process: carries out the plans it is sent, one after another, and reports."""

import contextlib
import signal
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.suites.directory import worker_lock
from glam_eval.suites.execute import Execution, Plan, Progress, StoppedError


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


def work(connection: Connection, out: Path, device: str, threads: int) -> None:
    """Serve plans until told to stop, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    import torch

    torch.set_num_threads(threads)
    with worker_lock(out), contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(Ready())
        while isinstance(plan := connection.recv(), Plan):
            connection.send(_carry_out(plan, out, device, connection))


def log_file(out: Path, run_id: str) -> Path:
    """Return where a run's failure is written down."""
    return out / "logs" / f"{run_id}.log"


def _carry_out(plan: Plan, out: Path, device: str, connection: Connection) -> Message:
    run_id = plan.config.run_id
    try:
        Execution(plan, out, device, connection.send, connection.poll).carry_out()
    except StoppedError:
        return Stopped(run_id)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        log = log_file(out, run_id)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc())
        expected = isinstance(error, UserError | RunFailedError | OSError)
        reason = str(error) if expected else f"{type(error).__name__}: {error}"
        return Failed(run_id, reason.splitlines()[0] if reason else type(error).__name__)
    return Finished(run_id)
