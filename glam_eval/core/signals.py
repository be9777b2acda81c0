"""Signals by which batch systems and closed terminals end a program: they interrupt it as Ctrl-C does."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGHUP)  # what Slurm, timeout(1), systemd and a lost connection send


class EndedError(BaseException):
    """The program was sent a signal that ends it; everything so far is to be kept.

    No ``Exception``, as ``KeyboardInterrupt`` is none: what catches errors of runs must not catch it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What shells say of a program that a signal ended: 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + self.number


INTERRUPTS = (KeyboardInterrupt, EndedError)


@contextlib.contextmanager
def ending_signals_raise() -> Iterator[None]:
    """Raise ``EndedError`` at the first signal that ends a program; later ones find it ending already.

    Signals that the program was started to ignore, as by ``nohup``, stay ignored. Only the main thread of a
    process can be told of signals; elsewhere nothing changes.
    """
    main = threading.current_thread() is threading.main_thread()
    changed = [number for number in ENDING if main and signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for each in changed:
            signal.signal(each, signal.SIG_IGN)
        raise EndedError(number)

    for number in changed:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)
