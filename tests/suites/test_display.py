"""What is told while a suite runs: nothing is done before it is, no time is guessed from next to nothing."""

import io
import math

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.core.console import Console
from glam_eval.execution.progress import TRAINING, Progress
from glam_eval.launchers.messages import Finished
from glam_eval.suites import display


@pytest.fixture
def told(tiny_suite, monkeypatch):
    """A function: what a display says once it observes, at a time, what share of its one run is done."""
    now = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    suite = load_suite(str(tiny_suite), ["agents=[{agent='gflan',model='t5-pico'}]", "seeds=1"])
    console = Console(file=io.StringIO(), width=200)
    shown = display.Display(suite.graph, 0, console)
    (run_id, work), *_ = shown._work.items()

    def observe(seconds, share):
        now[0], before = seconds, console.file.tell()
        frames = round(min(share, 9) * work)
        progress = Progress(run_id, TRAINING, frames, frames, math.nan, math.nan)
        shown.observe(Finished(run_id) if share == math.inf else progress)
        console.file.seek(before)
        return console.file.read()

    return observe


def test_what_is_not_done_is_not_all_done(told):
    assert told(20.0, 2.0).startswith("0 of 1 runs done, 99%")
    assert told(40.0, math.inf).startswith("1 of 1 runs done, 100%")


def test_how_long_it_takes_is_told_from_some_work_done_not_from_the_start(told):
    assert "left" not in told(20.0, 0.01)
    assert "left" not in told(40.0, 0.04)
    assert "about 49 s left" in told(70.0, 0.51)  # half of it took 50 s since work was first heard of
