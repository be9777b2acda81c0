"""The program under way in a process and a session of its own, which signals reach and limits hold.

It is a copy of a process that has loaded all it needs, and its workers are copies of it: what a shell begins
takes seconds to load, and does and says the same.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.util import register_after_fork
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from program import READY

from glam_eval.cli import main
from glam_eval.launchers import scheduler

FORK = multiprocessing.get_context("fork")


class UnderWay:
    """The program, as it goes on; asked as ``subprocess.Popen`` is."""

    def __init__(self, arguments, path, limits, variables) -> None:
        self.args = list(map(str, arguments))
        self._folder = tempfile.TemporaryDirectory()
        self._files = [Path(self._folder.name) / name for name in ("said", "complained")]
        for file in self._files:
            file.touch()
        given = (self.args, list(map(str, path)), dict(limits), variables, *self._files)
        self._process = READY.Process(target=_program, args=given)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        said, complained = (file.read_text() for file in self._files)
        return said, complained

    def ended(self, timeout: float = 300) -> subprocess.CompletedProcess:
        """Wait for its end."""
        try:
            said, complained = self.communicate(timeout)
        finally:
            with contextlib.suppress(ProcessLookupError):  # what it left, too
                os.killpg(self.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(self.args, self.returncode, said, complained)


def begin(
    *arguments, path: Sequence[Path] = (), limits: Mapping[int, int] | None = None, **variables: str
) -> UnderWay:
    """Begin the program.

    Args:
        arguments: of the command line.
        path: where packages are looked for before all others, as if PYTHONPATH named them.
        limits: of ``resource``, with what each is set to.
        variables: of the environment.
    """
    return UnderWay(arguments, path, limits or {}, variables)


def workers(program) -> list[int]:
    """Return the numbers of a program's processes besides itself."""
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text()
    return list(map(int, children.split()))


class _Copies:
    """Workers as copies of the program, which hold no end of a pipe that is the program's alone."""

    Process = FORK.Process

    @staticmethod
    def Pipe():  # noqa: N802  # as multiprocessing calls it
        ours, theirs = FORK.Pipe()
        register_after_fork(ours, Connection.close)
        return ours, theirs


def _program(arguments, path, limits, variables, *files) -> None:
    """Be the program from here on."""
    os.setsid()
    for number, file in enumerate(files, 1):
        descriptor = os.open(file, os.O_WRONLY)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.update(variables)
    sys.path[:0] = path
    for number, limit in limits.items():
        resource.setrlimit(number, (limit, limit))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with it ignored
    with mock.patch.object(scheduler, "multiprocessing", SimpleNamespace(get_context=lambda _: _Copies)):
        sys.exit(main(arguments))
