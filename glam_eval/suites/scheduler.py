"""Worker processes and the runs they carry out: one failing run harms no other."""

import contextlib
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from glam_eval.core.errors import RunFailedError
from glam_eval.suites.messages import Failed, Finished, Message, Plan, Progress, Ready, Stop, Stopped
from glam_eval.suites.worker import work

_TICK_SECONDS = 0.5
_STARTS = 3  # workers that may die before their first plan
_STOP_SECONDS = 30.0  # a stopping worker finishes its update and writes a checkpoint


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the plans ended."""

    finished: list[str]
    failed: dict[str, str]  # run_id -> reason
    interrupted: bool


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    connection: Connection
    plan: Plan | None = None
    heard: float = field(default_factory=time.monotonic)


class Scheduler:
    """Divides plans among worker processes.

    A run that raises is failed at once: it would raise again. A worker that dies, or is silent for
    ``silence_seconds``, is replaced, and its run is tried once more from its checkpoint.
    """

    def __init__(
        self,
        out: Path,
        devices: Sequence[str],
        threads: int,
        observe: Callable[[Message], None],
        silence_seconds: float,
    ) -> None:
        self._out, self._devices, self._threads = out, devices, threads
        self._observe, self._silence_seconds = observe, silence_seconds
        self._context = multiprocessing.get_context("spawn")
        self._waiting: deque[Plan] = deque()
        self._tried_again: set[str] = set()
        self._lost_starts = 0
        self._finished: list[str] = []
        self._failed: dict[str, str] = {}

    def run(self, plans: Sequence[Plan]) -> Outcome:
        """Carry out all plans, or as many as an interrupt lets; nothing stored is ever lost."""
        self._waiting.extend(plans)
        count = min(len(self._devices), len(plans))
        workers = [self._start(self._devices[index]) for index in range(count)]
        interrupted = False
        try:
            while workers:
                workers = self._serve(workers)
        except KeyboardInterrupt:
            interrupted = True
            self._stop(workers)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.join()
        return Outcome(self._finished, self._failed, interrupted)

    def _start(self, device: str) -> _Worker:
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._out, device, self._threads)
        process = self._context.Process(target=work, args=arguments, name=device, daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _serve(self, workers: list[_Worker]) -> list[_Worker]:
        """Handle what happens within a tick; return the workers that go on."""
        ready = wait([worker.connection for worker in workers], timeout=_TICK_SECONDS)
        going_on: list[_Worker] = []
        for worker in workers:
            if worker.connection in ready:
                try:
                    message: Message = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    going_on += self._replace(worker, "its process died")
                    continue
                worker.heard = time.monotonic()
                if not self._handle(worker, message):
                    continue
            elif worker.plan and time.monotonic() - worker.heard > self._silence_seconds:
                going_on += self._replace(worker, f"silent for {self._silence_seconds:g} s")
                continue
            going_on.append(worker)
        return going_on

    def _handle(self, worker: _Worker, message: Message) -> bool:
        """Take note of a message; return whether the worker goes on."""
        self._observe(message)
        match message:
            case Progress():
                return True
            case Finished(run_id):
                self._finished.append(run_id)
            case Failed(run_id, reason):
                self._failed[run_id] = reason
            case Ready() | Stopped():
                pass
        worker.plan = self._waiting.popleft() if self._waiting else None
        if worker.plan is None:
            self._dismiss(worker)
            return False
        worker.connection.send(worker.plan)
        return True

    def _dismiss(self, worker: _Worker) -> None:
        worker.connection.send(Stop())
        worker.connection.close()
        worker.process.join()

    def _replace(self, worker: _Worker, reason: str) -> list[_Worker]:
        """Replace a dead or silent worker; its run is tried once more."""
        worker.process.kill()
        worker.process.join()
        worker.connection.close()
        code = worker.process.exitcode
        if worker.plan is None:
            self._lost_starts += 1
            if self._lost_starts > _STARTS:
                raise RunFailedError(f"worker processes can't start: {reason} (exit code {code})")
        elif (run_id := worker.plan.config.run_id) in self._tried_again:
            failure = Failed(run_id, f"{reason} twice (exit code {code}; -9 is often a lack of memory)")
            self._failed[run_id] = failure.reason
            self._observe(failure)
        else:
            self._tried_again.add(run_id)
            self._waiting.appendleft(worker.plan)
        return [self._start(worker.process.name)] if self._waiting else []

    def _stop(self, workers: list[_Worker]) -> None:
        """Ask every worker to write a checkpoint and end; wait for them a while."""
        for worker in workers:
            with contextlib.suppress(OSError):
                worker.connection.send(Stop())
        deadline = time.monotonic() + _STOP_SECONDS
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
