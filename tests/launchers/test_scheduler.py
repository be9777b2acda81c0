"""Scheduling: one failing run harms no other, and every failure is named."""

import signal
import threading
import time

import fake_workers
import pytest

from glam_eval.config.graph import PlannedRun
from glam_eval.core.errors import RunFailedError
from glam_eval.execution import failures
from glam_eval.execution.study import log_file
from glam_eval.launchers import scheduler
from glam_eval.launchers.base import FailureLog
from glam_eval.launchers.messages import Failed, Finished
from glam_eval.launchers.scheduler import Scheduler


def schedule(tmp_path, tiny_run, seeds, workers=2, silence=60.0, observe=lambda message: None, needs=()):
    """Carry out a run a seed; ``needs`` are pairs of a seed and the one whose run it needs."""
    runs = {seed: tiny_run(seed=seed) for seed in seeds}
    needed = {seed: tuple(runs[other].run_id for one, other in needs if one == seed) for seed in seeds}
    planned = [PlannedRun("test", run, needs=needed[seed]) for seed, run in runs.items()]
    names = {run.run_id: seed for seed, run in runs.items()}
    outcome = Scheduler(tmp_path, ["cpu"] * workers, 1, observe, silence).run(planned)
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
    finished, failed, outcome = schedule(
        tmp_path, tiny_run, [10, 1, 2, 3, 11, 12], silence=fake_workers.SILENCE
    )
    assert finished == [10, 11, 12]
    assert failed[1] == "it can't be done"
    assert failed[2].startswith("its process died twice (exit code 9")
    assert failed[3].startswith("computed nothing for 3 s twice")
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


def test_what_is_needed_comes_first_whatever_the_order_asked_for(tmp_path, tiny_run):
    needs = [(10, 11), (11, 12), (13, 12)]
    finished, failed, _ = schedule(tmp_path, tiny_run, [10, 11, 12, 13], needs=needs)
    assert finished == [10, 11, 12, 13] and not failed
    begun = [line.split("-s")[-1].split("-")[0] for line in (tmp_path / "begun").read_text().splitlines()]
    assert begun.index("12") < begun.index("11") < begun.index("10")
    assert begun.index("12") < begun.index("13")


def test_what_needs_a_failed_run_fails_with_it_and_is_named(tmp_path, tiny_run):
    seen = []
    needs = [(10, 1), (11, 10)]
    finished, failed, _ = schedule(tmp_path, tiny_run, [10, 11, 1, 12], observe=seen.append, needs=needs)
    assert finished == [12]
    assert failed[10].endswith("which failed") and "-s1-" in failed[10]
    assert failed[11].endswith("which failed") and "-s10-" in failed[11]
    assert sum(isinstance(message, Failed) for message in seen) == 3


@pytest.mark.thorough
def test_a_run_that_computes_without_a_word_is_let_be(tmp_path, tiny_run):
    finished, failed, _ = schedule(tmp_path, tiny_run, [6], silence=fake_workers.SILENCE)
    assert finished == [6] and not failed
    assert (tmp_path / "begun").read_text().count("\n") == 1


def test_a_hung_run_is_tried_again_and_its_stack_is_in_its_log(tmp_path, tiny_run):
    finished, failed, _ = schedule(tmp_path, tiny_run, [7], silence=fake_workers.SILENCE)
    assert finished == [7] and not failed
    stack = log_file(tmp_path, tiny_run(seed=7).run_id).read_text()
    assert "most recent call first" in stack and "_meet_fate" in stack


def test_a_worker_stopped_before_it_is_ready_is_replaced(tmp_path, tiny_run, monkeypatch):
    monkeypatch.setattr(scheduler, "work", fake_workers.stops_before_ready)
    monkeypatch.setattr(scheduler, "_START_SECONDS", 3.0)
    finished, failed, _ = schedule(tmp_path, tiny_run, [10], workers=1, silence=1000.0)
    assert finished == [10] and not failed


def test_a_run_that_a_signal_stopped_is_tried_again_by_another_worker(tmp_path, tiny_run, monkeypatch):
    monkeypatch.setattr(scheduler, "work", fake_workers.told_to_stop)
    finished, failed, _ = schedule(tmp_path, tiny_run, [10], workers=1)
    assert finished == [10] and not failed


def test_a_failure_that_can_not_be_written_down_harms_no_other_run(tmp_path, tiny_run, monkeypatch):
    def overflow(*arguments):
        raise OverflowError("int too big to convert")

    monkeypatch.setattr(failures, "write_table", overflow)
    runs = [PlannedRun("test", tiny_run(seed=seed)) for seed in (1, 10)]
    log = FailureLog(tmp_path, runs, "cpu")
    finished, failed, _ = schedule(tmp_path, tiny_run, [1, 10], observe=log.observe)
    assert finished == [10] and failed == {1: "it can't be done"}
