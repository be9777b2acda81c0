"""A worker process: carries out the runs it is told to, one after another, and reports."""

import contextlib
import signal
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from glam_eval.core.errors import described
from glam_eval.core.leases import LostError
from glam_eval.core.process import keep_freed_memory
from glam_eval.core.signals import ENDING
from glam_eval.execution.progress import StoppedError
from glam_eval.execution.study import log_file
from glam_eval.launchers.messages import Begin, Failed, Finished, Message, Ready, Stopped


def work(
    connection: Connection, out: Path, device: str, threads: int, beat_seconds: float, language_models: bool
) -> None:
    """Serve runs until told to stop, or until the parent is gone; ``device`` may be any of this machine's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    ending = _Ending()
    keep_freed_memory()
    import torch

    import glam_eval.execution.agent_run  # loaded before the worker says that it is ready
    from glam_eval.policies.devices import available_devices

    if language_models:
        import glam_eval.policies.language_model  # noqa: F401  # most of what is loaded, for nothing elsewhere

    device = available_devices(device)[0]

    torch.set_num_threads(threads)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(Ready())
        while not ending.asked and isinstance(asked := connection.recv(), Begin):
            with ending.postponed():
                connection.send(_carry_out(asked.run_id, out, device, connection, ending, beat_seconds))


class _Ending:
    """Brings a run under way to a checkpoint at a signal that ends programs; ends an idle worker at once.

    Batch systems send such signals to all processes, also to workers whose parent is gone.
    """

    def __init__(self) -> None:
        self.asked = False
        self._busy = False
        for number in ENDING:
            signal.signal(number, self._end)

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """Only take note of a signal while a run is under way."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _end(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.asked = True
        if not self._busy:
            raise SystemExit(128 + number)


def _carry_out(
    run_id: str, out: Path, device: str, connection: Connection, ending: _Ending, beat_seconds: float
) -> Message:
    from glam_eval.execution.carry_out import carry_out

    def stop() -> bool:
        return ending.asked or connection.poll()

    try:
        carry_out(out, run_id, device, connection.send, stop, beat_seconds)
    except (StoppedError, LostError):
        return Stopped(run_id)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        with contextlib.suppress(OSError):  # a full disk is one reason to fail
            log = log_file(out, run_id)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(traceback.format_exc())
        return Failed(run_id, described(error, out))
    return Finished(run_id)
