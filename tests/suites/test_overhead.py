"""What scheduling costs: many short runs on few workers."""

import time

import pytest

from glam_eval.config.loading import load_suite
from glam_eval.core.console import Console
from glam_eval.launchers.local import LocalLauncher
from glam_eval.results import load_results
from glam_eval.suites.run import run_suite

WORKERS = 2


@pytest.mark.slow
def test_workers_are_reused_and_kept_busy(tiny_suite, tmp_path, monkeypatch):
    """Forty runs of some seconds: the wall-clock time is noted, the number of processes is asserted."""
    from glam_eval.launchers import scheduler

    started = []
    monkeypatch.setattr(
        scheduler.Scheduler,
        "_start",
        lambda self, device, start=scheduler.Scheduler._start: started.append(device) or start(self, device),
    )
    agents = "agents=[{agent='gflan',model='t5-pico'}]"
    suite = load_suite(str(tiny_suite), [agents, "seeds=40", "frames=1600"])
    began = time.perf_counter()
    out = tmp_path / "out"
    outcome = run_suite(suite, out, LocalLauncher(["cpu"] * WORKERS), False, Console(quiet=True))
    wall = time.perf_counter() - began
    assert len(outcome.finished) == 40
    assert len(started) == WORKERS
    busy = load_results(out, "runs")["seconds"].sum() / WORKERS
    print(f"wall-clock over busy time: {wall / busy:.3f} ({wall:.1f} s, {busy:.1f} s)")
