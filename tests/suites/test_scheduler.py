"""Scheduling: one failing run harms no other, and every failure is named."""

import signal
import threading
import time

import fake_workers
import pytest

from glam_eval.core.errors import RunFailedError
from glam_eval.suites import scheduler
from glam_eval.suites.messages import Finished, Plan
from glam_eval.suites.scheduler import Scheduler


def schedule(tmp_path, tiny_run, seeds, workers=2, silence=60.0, observe=lambda message: None):
    plans = [Plan("test", tiny_run(seed=seed), ()) for seed in seeds]
    names = {plan.config.run_id: plan.config.seed for plan in plans}
    outcome = Scheduler(tmp_path, ["cpu"] * workers, 1, observe, silence).run(plans)
    finished = sorted(names[run_id] for run_id in outcome.finished)
    return finished, {names[run_id]: reason for run_id, reason in outcome.failed.items()}, outcome


@pytest.fixture(autouse=True)
def _fake(monkeypatch):
    monkeypatch.setattr(scheduler, "work", fake_workers.work)


def test_all_runs_are_carried_out_once(tmp_path, tiny_run):
    seen = []
    finished, failed, _ = schedule(tmp_path, tiny_run, range(10, 17), observe=seen.append)
    assert finished == list(range(10, 17))
    assert not failed
    assert sum(isinstance(message, Finished) for message in seen) == 7


def test_failures_are_isolated_and_named(tmp_path, tiny_run):
    finished, failed, outcome = schedule(tmp_path, tiny_run, [10, 1, 2, 3, 11, 12], silence=3.0)
    assert finished == [10, 11, 12]
    assert failed[1] == "it can't be done"
    assert failed[2].startswith("its process died twice (exit code 9")
    assert failed[3].startswith("silent for 3 s twice")
    assert not outcome.interrupted


def test_a_worker_that_died_once_is_tried_again(tmp_path, tiny_run):
    finished, failed, _ = schedule(tmp_path, tiny_run, [4, 10], workers=1)
    assert finished == [4, 10]
    assert not failed


def test_workers_that_never_start_end_the_suite(tmp_path, tiny_run, monkeypatch):
    monkeypatch.setattr(scheduler, "work", fake_workers.never_starts)
    with pytest.raises(RunFailedError, match=r"can't start.*exit code 3"):
        schedule(tmp_path, tiny_run, [10])


def test_an_interrupt_lets_workers_save(tmp_path, tiny_run):
    def interrupt():
        while not (tmp_path / "waiting").exists():
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    _, _, outcome = schedule(tmp_path, tiny_run, [5], workers=1)
    thread.join()
    assert outcome.interrupted
    assert (tmp_path / "saved").exists()
