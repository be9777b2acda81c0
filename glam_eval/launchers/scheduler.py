"""Worker processes and the runs they carry out, each after what it needs: one failing run harms no other."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from glam_eval.config.agents import describe_agent
from glam_eval.config.graph import PlannedRun
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.core.signals import INTERRUPTS
from glam_eval.execution.heartbeat import BEAT_SECONDS, DUMP_SIGNAL
from glam_eval.execution.progress import Progress
from glam_eval.execution.study import heartbeat_file, log_file
from glam_eval.launchers.base import Outcome
from glam_eval.launchers.messages import Begin, Failed, Finished, Message, Ready, Stop, Stopped
from glam_eval.launchers.worker import work

_TICK_SECONDS = 0.5
_STARTS = 3  # workers that may die before they serve, one after another
_START_SECONDS = 600.0  # to load everything, from the slowest of file systems
_STOP_SECONDS = 30.0  # a stopping worker finishes its update and writes a checkpoint
_DUMP_SECONDS = 2.0  # for a hung run to write its stack down


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    ready: bool = False
    run_id: str | None = None
    beat: int = 0  # when its run last touched its heartbeat file, by the file system's clock
    alive: float = field(default_factory=time.monotonic)  # when that was seen, by ours


def _uses_model(planned: PlannedRun) -> bool:
    return isinstance(planned.config, RunConfig) and describe_agent(planned.config.agent).uses_model


class Scheduler:
    """Divides runs among worker processes.

    A run begins when all that it needs is finished; what needs a failed run fails with it. A run that raises
    is failed at once: it would raise again. A worker that dies, or whose run computes nothing for
    ``silence_seconds``, is replaced, and its run is tried once more from its checkpoint.
    """

    def __init__(
        self,
        out: Path,
        devices: Sequence[str],
        threads: int,
        observe: Callable[[Message], None],
        silence_seconds: float,
        stop: Callable[[], bool] = lambda: False,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        """Begin with nothing to do.

        Args:
            out: directory of the study.
            devices: one a worker.
            threads: of each worker.
            observe: called with every message of a worker.
            silence_seconds: after which a run that computes nothing is taken to hang.
            stop: asked in every tick; True is an interrupt.
            beat_seconds: between two touches of a run's heartbeat file.
        """
        self._stop_asked, self._beat_seconds = stop, beat_seconds
        self._out, self._devices, self._threads = out, devices, threads
        self._observe, self._silence_seconds = observe, silence_seconds
        self._context = multiprocessing.get_context("spawn")
        self._planned: dict[str, PlannedRun] = {}
        self._waiting: list[PlannedRun] = []
        self._unfinished: set[str] = set()
        self._tried_again: set[str] = set()
        self._lost_starts = 0
        self._finished: list[str] = []
        self._failed: dict[str, str] = {}

    def run(self, runs: Sequence[PlannedRun]) -> Outcome:
        """Carry out all runs, or as many as an interrupt lets; nothing stored is ever lost.

        Args:
            runs: in the order in which they are begun, as far as what they need allows it. What is needed
                and not among them is taken to be finished.
        """
        self._planned = {planned.run_id: planned for planned in runs}
        self._waiting.extend(runs)
        self._unfinished = set(self._planned)
        count = min(len(self._devices), len(runs))
        workers: list[_Worker] = []
        interrupted: BaseException | None = None
        try:
            workers += [self._start(self._devices[index]) for index in range(count)]
            while workers:
                workers = self._serve(workers)
        except INTERRUPTS as error:
            interrupted = error
            self._stop(workers)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.join()
        return Outcome(self._finished, self._failed, interrupted)

    def _start(self, device: str) -> _Worker:
        ours, theirs = self._context.Pipe()
        models = any(_uses_model(planned) for planned in self._planned.values())
        arguments = (theirs, self._out, device, self._threads, self._beat_seconds, models)
        process = self._context.Process(target=work, args=arguments, name=device, daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _serve(self, workers: list[_Worker]) -> list[_Worker]:
        """Handle what happens within a tick; return the workers that go on."""
        ready = wait([worker.connection for worker in workers], timeout=_TICK_SECONDS)
        if self._stop_asked():
            raise KeyboardInterrupt
        going_on: list[_Worker] = []
        for worker in workers:
            if worker.connection in ready:
                try:
                    message = worker.connection.recv()
                except (EOFError, OSError):  # OSError: it died in the middle of a message
                    going_on += self._replace(worker, "its process died")
                    continue
                self._handle(worker, message)
            elif self._is_silent(worker):
                self._dump_stack(worker)
                going_on += self._replace(worker, f"computed nothing for {self._patience(worker):g} s")
                continue
            going_on.append(worker)
        return [worker for worker in going_on if not self._is_spare(worker)]

    def _handle(self, worker: _Worker, message: Message) -> None:
        """Take note of a message, and give the worker something to do."""
        self._observe(message)
        match message:
            case Progress():
                return
            case Finished(run_id):
                self._finished.append(run_id)
                self._unfinished.discard(run_id)
                self._lost_starts = 0
            case Failed(run_id, reason):
                self._fail(run_id, reason)
            case Ready():
                worker.ready = True
            case Stopped(run_id):  # unasked by us: by a signal of its own, after which it ends
                self._try_again(run_id, "was told to stop by a signal")
                worker.ready = False
        worker.run_id = None

    def _is_spare(self, worker: _Worker) -> bool:
        """Give an idle worker the next run that can begin; dismiss it, and return True, if none ever will."""
        if not worker.ready or worker.run_id is not None:
            return False
        for planned in self._waiting:
            if self._unfinished.isdisjoint(planned.needs):
                with contextlib.suppress(OSError):  # it died meanwhile, as the next tick finds out
                    worker.connection.send(Begin(planned.run_id))
                    self._waiting.remove(planned)
                    worker.run_id, worker.beat, worker.alive = planned.run_id, 0, time.monotonic()
                return False
        if self._waiting:  # for what others are at
            return False
        with contextlib.suppress(OSError):
            worker.connection.send(Stop())
        worker.connection.close()
        worker.process.join(_STOP_SECONDS)
        worker.process.kill()  # where it does not end of itself
        worker.process.join()
        return True

    def _is_silent(self, worker: _Worker) -> bool:
        """Return whether a worker shows no life: its run by its heartbeat, its start by getting nowhere."""
        if worker.ready and worker.run_id is None:
            return False
        if worker.run_id is not None:
            with contextlib.suppress(OSError):
                beat = heartbeat_file(self._out, worker.run_id).stat().st_mtime_ns
                if beat != worker.beat:
                    worker.beat, worker.alive = beat, time.monotonic()
        return time.monotonic() - worker.alive > self._patience(worker)

    def _patience(self, worker: _Worker) -> float:
        """Return the seconds without a sign of life after which a worker is replaced."""
        starting = worker.run_id is None
        return _START_SECONDS if starting else self._silence_seconds

    def _dump_stack(self, worker: _Worker) -> None:
        """Have a hung run write the stack of its threads into its log; a stopped one is woken for it."""
        process = worker.process
        if worker.run_id is None or process.pid is None:
            return
        log = log_file(self._out, worker.run_id)
        before = log.stat().st_size if log.exists() else 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, DUMP_SIGNAL)
            os.kill(process.pid, signal.SIGCONT)
        deadline, seen = time.monotonic() + _DUMP_SECONDS, before
        while time.monotonic() < deadline:
            time.sleep(0.1)
            size = log.stat().st_size if log.exists() else 0
            if size == seen > before:  # it grew, and grows no more
                return
            seen = size

    def _replace(self, worker: _Worker, reason: str) -> list[_Worker]:
        """Replace a dead or silent worker; its run is tried once more."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        code = worker.process.exitcode
        if worker.run_id is None:
            self._lost_starts += 1
            if self._lost_starts > _STARTS:
                raise RunFailedError(f"worker processes can't start: {reason} (exit code {code})")
        else:
            self._try_again(worker.run_id, reason, f" (exit code {code}; -9 is often a lack of memory)")
        return [self._start(worker.process.name)] if self._waiting else []

    def _try_again(self, run_id: str, reason: str, detail: str = "") -> None:
        """Let a run go on from its checkpoint, once; the second time it is failed."""
        if run_id in self._tried_again:
            self._fail(run_id, f"{reason} twice{detail}", True)
        else:
            self._tried_again.add(run_id)
            self._waiting.insert(0, self._planned[run_id])

    def _fail(self, run_id: str, reason: str, observe: bool = False) -> None:
        """Take note that a run failed, and with it all that need it."""
        self._failed[run_id] = reason
        if observe:
            self._observe(Failed(run_id, reason))
        for planned in [each for each in self._waiting if run_id in each.needs]:
            self._waiting.remove(planned)
            self._fail(planned.run_id, f"it needs {run_id}, which failed", True)

    def _stop(self, workers: list[_Worker]) -> None:
        """Ask every worker to write a checkpoint and end; wait for them a while."""
        for worker in workers:
            with contextlib.suppress(OSError):
                worker.connection.send(Stop())
        deadline = time.monotonic() + _STOP_SECONDS
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
