"""Signs of life of a run, whatever it is busy with: a file touched, and its stack when somebody asks."""

import contextlib
import faulthandler
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from glam_eval.core.files import UNFINISHED
from glam_eval.core.leases import Lease
from glam_eval.execution.progress import Progress
from glam_eval.execution.study import heartbeat_file, log_file, stop_file

DUMP_SIGNAL = signal.SIGUSR1  # makes a run write the stack of all its threads into its log
BEAT_SECONDS = 0.5
_COMPUTED_SECONDS = 0.005  # of processor time since the last beat: a run that waits for ever uses none
_DEVICES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")  # what an engine leaves a task of a machine


class Heartbeat:
    """Tells files where a run stands, and the run what others ask of it."""

    def __init__(self, out: Path, run_id: str, lease: Lease, device: str, seconds: float) -> None:
        self._file, self._stop_file = heartbeat_file(out, run_id), stop_file(out)
        self._lease, self._seconds = lease, seconds
        visible = ",".join(os.environ[name] for name in _DEVICES if name in os.environ)
        self._place = {"device": device, "visible": visible}
        self._newest: Progress | None = None
        self._written: Progress | None = None
        self._stopped = False

    def telling(self, report: Callable[[Progress], None]) -> Callable[[Progress], None]:
        """Return a report that is also kept for the file."""

        def tell(progress: Progress) -> None:
            self._newest = progress
            report(progress)

        return tell

    def asking(self, stop: Callable[[], bool]) -> Callable[[], bool]:
        """Return what asks a run to stop: ``stop``, or the study's stop file; raises LostError if it must."""

        def asked() -> bool:
            self._lease.check()
            return stop() or self._stopped

        return asked

    def beat_until(self, ended: threading.Event) -> None:
        """Touch the file as long as the process computes, and look for the stop file."""
        self._write()
        computed = 0.0
        while not ended.wait(self._seconds):
            now = time.process_time() - time.thread_time()
            with contextlib.suppress(OSError):  # a full disk: the run itself will say so
                self._stopped = self._stop_file.exists()
                if now - computed > _COMPUTED_SECONDS:
                    computed = now
                    if self._newest is self._written:
                        self._file.touch()
                    else:
                        self._write()

    def _write(self) -> None:
        newest = self._newest
        told = {**self._place, "progress": newest and asdict(newest)}
        unfinished = self._file.with_name(f".{self._file.name}{UNFINISHED}")
        with contextlib.suppress(OSError):
            unfinished.write_text(json.dumps(told))
            unfinished.replace(self._file)  # not forced to disk: nothing depends on it
            self._written = newest


@dataclass(frozen=True, slots=True)
class Sign:
    """What a heartbeat file tells."""

    modified: int  # ns since the epoch, by the file system's clock
    progress: Progress | None = None
    device: str = ""
    visible: str = ""  # devices that the engine left the task, as it names them


def read_sign(file: Path) -> Sign:
    """Return what a heartbeat file tells, as much of it as can be read.

    Raises:
        FileNotFoundError: if the run has ended.
    """
    with file.open("rb") as stream:
        content, modified = stream.read(), os.fstat(stream.fileno()).st_mtime_ns
    try:
        told = json.loads(content)
        progress = Progress(**told["progress"]) if told["progress"] else None
        return Sign(modified, progress, str(told["device"]), str(told["visible"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return Sign(modified)


@contextlib.contextmanager
def heartbeat(
    out: Path, run_id: str, lease: Lease, device: str = "", seconds: float = BEAT_SECONDS
) -> Iterator[Heartbeat]:
    """Show that a run is alive while the block goes on: as long as the process computes, and no longer.

    An update may take hours without a word and is alive; threads that wait for each other are not, though
    a thread of its own that only slept and touched a file would say so. The run's log takes what the
    interpreter says if it crashes, and the stack of every thread at ``DUMP_SIGNAL``.

    Args:
        out: directory of the study.
        run_id: of the run.
        lease: of the run, held.
        device: where it computes.
        seconds: between two touches.
    """
    file, log = heartbeat_file(out, run_id), log_file(out, run_id)
    for each in (file, log):
        each.parent.mkdir(parents=True, exist_ok=True)
    beating, ended = Heartbeat(out, run_id, lease, device, seconds), threading.Event()
    thread = threading.Thread(target=beating.beat_until, args=(ended,), name="heartbeat", daemon=True)
    with log.open("a") as stream:
        faulthandler.enable(stream)
        faulthandler.register(DUMP_SIGNAL, stream)
        thread.start()
        try:
            yield beating
        finally:
            ended.set()
            thread.join()
            faulthandler.unregister(DUMP_SIGNAL)
            faulthandler.disable()
    file.unlink(missing_ok=True)
    if not log.stat().st_size:
        log.unlink()
