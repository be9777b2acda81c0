"""A worker process: carries out the runs it is told to, one after another, and reports."""

import contextlib
import signal
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.process import keep_freed_memory
from glam_eval.execution.progress import StoppedError
from glam_eval.execution.study import log_file
from glam_eval.suites.directory import worker_lock
from glam_eval.suites.messages import Begin, Failed, Finished, Message, Ready, Stopped


def work(connection: Connection, out: Path, device: str, threads: int) -> None:
    """Serve runs until told to stop, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    keep_freed_memory()
    import torch

    import glam_eval.execution.agent_run  # noqa: F401  # loaded before the worker says that it is ready

    torch.set_num_threads(threads)
    with worker_lock(out), contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(Ready())
        while isinstance(asked := connection.recv(), Begin):
            connection.send(_carry_out(asked.run_id, out, device, connection))


def _carry_out(run_id: str, out: Path, device: str, connection: Connection) -> Message:
    from glam_eval.execution.carry_out import carry_out

    try:
        carry_out(out, run_id, device, connection.send, connection.poll)
    except StoppedError:
        return Stopped(run_id)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        with contextlib.suppress(OSError):  # a full disk is one reason to fail
            log = log_file(out, run_id)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a") as stream:
                stream.write(traceback.format_exc())
        expected = isinstance(error, UserError | RunFailedError | OSError)
        reason = str(error) if expected else f"{type(error).__name__}: {error}"
        return Failed(run_id, reason.splitlines()[0] if reason else type(error).__name__)
    return Finished(run_id)
