"""How long to try, how long one trial may take, and what was counted."""

import collections
import contextlib
import os
import signal
import time

import pytest
from hostile import SEED, tier_seed

SECONDS = "GLAM_EVAL_FUZZ_SECONDS"  # an environment variable: of the whole tier
DEFAULT_SECONDS = 180.0
HANG_SECONDS = 10.0  # of processor time: a machine that is busy is no hang
COUNTS: collections.Counter[str] = collections.Counter()


class HungError(Exception):
    """A trial computed for longer than any input may make the program compute."""


@contextlib.contextmanager
def _no_hang():
    def hung(number, frame):
        raise HungError(f"more than {HANG_SECONDS:g} s of computing")

    before = signal.signal(signal.SIGPROF, hung)
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.fixture
def trying(request):
    """Yield numbered trials for this test's share of the time; at least ``least`` of them are made.

    A failure names the trial, which the same seed makes again.
    """

    def run(kind, trials, one, share, least=20):
        until = time.monotonic() + share * float(os.environ.get(SECONDS, DEFAULT_SECONDS))
        for number, draws in enumerate(trials):
            if number >= least and time.monotonic() > until:
                break
            try:
                with _no_hang():
                    one(draws)
            except Exception as error:
                which = f"trial {number} of {kind} ({SEED}={tier_seed()})"
                raise AssertionError(f"{which}: {type(error).__name__}: {error}") from error
            COUNTS[kind] += 1

    return run


def pytest_terminal_summary(terminalreporter):
    """Say how many trials of each kind were made."""
    for kind, count in COUNTS.items():
        terminalreporter.write_line(f"{count:,} {kind}")
