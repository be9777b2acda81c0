"""Signs of life of a run, whatever it is busy with: a file touched, and its stack when somebody asks."""

import contextlib
import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from glam_eval.execution.study import heartbeat_file, log_file

DUMP_SIGNAL = signal.SIGUSR1  # makes a run write the stack of all its threads into its log
BEAT_SECONDS = 0.5
_COMPUTED_SECONDS = 0.005  # of processor time since the last beat: a run that waits for ever uses none


@contextlib.contextmanager
def heartbeat(out: Path, run_id: str) -> Iterator[None]:
    """Show that a run is alive while the block goes on: as long as the process computes, and no longer.

    An update may take hours without a word and is alive; threads that wait for each other are not, though
    a thread of its own that only slept and touched a file would say so. The run's log takes what the
    interpreter says if it crashes, and the stack of every thread at ``DUMP_SIGNAL``.
    """
    file, log = heartbeat_file(out, run_id), log_file(out, run_id)
    for each in (file, log):
        each.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(file, ended), name="heartbeat", daemon=True)
    with log.open("a") as stream:
        faulthandler.enable(stream)
        faulthandler.register(DUMP_SIGNAL, stream)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            faulthandler.unregister(DUMP_SIGNAL)
            faulthandler.disable()
    file.unlink(missing_ok=True)
    if not log.stat().st_size:
        log.unlink()


def _beat(file: Path, ended: threading.Event) -> None:
    computed = 0.0
    while not ended.wait(BEAT_SECONDS):
        now = time.process_time() - time.thread_time()
        if now - computed > _COMPUTED_SECONDS:
            computed = now
            with contextlib.suppress(OSError):  # a full disk: the run itself will say so
                file.touch()
