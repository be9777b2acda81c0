"""The other processes of a run, as its first rank has them: begun, told, heard, and ended with it."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from glam_eval.core.errors import LostRankError, RunFailedError
from glam_eval.training.ranks import receive, send


class OtherRanks:
    """Processes that do what they are told through a pipe each, and end with it."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.pipes: list[Connection] = []

    def begin(self, kind: str, start: tuple[Any, ...], descriptors: Sequence[int] = ()) -> None:
        """Begin a process, which says when it is ready.

        Args:
            kind: of rank; see ``crew_member``.
            start: what it is made from, after the descriptors.
            descriptors: which it inherits, under the same numbers.
        """
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "glam_eval.training.crew_member", str(theirs.fileno())]
        try:
            self.processes.append(subprocess.Popen(command, pass_fds=(theirs.fileno(), *descriptors)))
        finally:
            theirs.close()
        self.pipes.append(Connection(ours.detach()))
        with self.answering():
            send(self.pipes[-1], (kind, (*descriptors, *start)))

    def tell(self, orders: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """Tell each process its order: a name and what is given with it."""
        for pipe, order in zip(self.pipes, orders, strict=True):
            send(pipe, order)

    def told(self) -> list[Any]:
        """Return what each process answers.

        Raises:
            RunFailedError: with the line of a rank that can't go on.
        """
        answers = [receive(pipe) for pipe in self.pipes]
        for rank, (failure, _) in enumerate(answers, 1):
            if failure:
                raise RunFailedError(f"rank {rank}: {failure}")
        return [answer for _, answer in answers]

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Turn the end of a pipe into a rank that is lost."""
        try:
            yield
        except (EOFError, OSError) as error:
            raise LostRankError(f"a rank of {len(self.processes) + 1} is gone") from error

    def blame(self, seconds: float) -> None:
        """Raise what failed in a process that says so, or ends, within so many seconds, if one does."""
        ended: EOFError | OSError | None = None
        for rank, pipe in enumerate(self.pipes, 1):
            try:
                failure, _ = receive(pipe) if pipe.poll(seconds) else ("", None)
            except (EOFError, OSError) as error:
                ended = error
                continue
            if failure:
                raise RunFailedError(f"rank {rank}: {failure}")
        if ended is not None:
            raise LostRankError(f"a rank of {len(self.processes) + 1} is gone") from ended

    def close(self) -> None:
        """End the processes, which end with their pipe, and forget them."""
        for pipe in self.pipes:
            pipe.close()
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes, self.pipes = [], []
