"""Ranks as copies of a process that has loaded all they need: they do the same, and begin at once."""

import fcntl
import os
import subprocess
from multiprocessing import reduction
from types import SimpleNamespace

from program import READY

from glam_eval.training import other_ranks

_FREE = 500  # the first number of descriptors that nobody else in a copy has


class CopiedRank:
    """A rank, in place of ``subprocess.Popen`` with the program of its own."""

    def __init__(self, command, pass_fds) -> None:
        self._process = READY.Process(target=_rank, args=(int(command[-1]), [*map(_Passed, pass_fds)]))
        self._process.start()
        self.pid = self._process.pid

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout=None) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode


def copy_ranks(patch) -> None:
    """Have ranks be copies, as long as a patch lasts."""
    patch.setattr(other_ranks, "subprocess", SimpleNamespace(Popen=CopiedRank))


def begin_ranks_as_programs(patch) -> None:
    """Have ranks be programs of their own again, as users' are."""
    patch.setattr(other_ranks, "subprocess", subprocess)


class _Passed:
    """A descriptor that a copy is given, with the number that it is to have there."""

    def __init__(self, number) -> None:
        self.number = number

    def __reduce__(self):
        return _received, (self.number, reduction.DupFd(self.number))


def _received(number, passed):
    return number, passed.detach()


def _rank(pipe, passed) -> None:
    from glam_eval.training.crew_member import main

    apart = [(number, fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FREE)) for number, descriptor in passed]
    for number, descriptor in apart:
        os.dup2(descriptor, number)
        os.close(descriptor)
    main(pipe)
