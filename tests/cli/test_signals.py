"""What batch systems and closed terminals send: a checkpoint, one line, the exit code that shells expect."""

import os
import signal
import subprocess
import time

import psutil
import pytest
from program import answer, assert_same_results, command
from tiny_suite import TINY_LEARNING
from under_way import begin, workers

SUITE = (
    """
title = "One agent"
question = "Does it go on?"
seeds = 1
frames = 2400
evaluations = 1
"""
    + TINY_LEARNING
    + """
[[agents]]
agent = "gflan"
model = "t5-pico"
[[protocols]]
name = "sample-efficiency"
scenes = 4
"""
)
pytestmark = pytest.mark.thorough
ARGUMENTS = ("--workers", 1, "--no-summary")
CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


def training(suite, out, **options):
    """Start the suite as a shell does, and wait until its run trains."""
    process = subprocess.Popen(
        command("run-suite", suite, *ARGUMENTS, "--out", out),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **{"preexec_fn": _heed_hang_ups, **options},
    )
    wait_until_it_trains(process, out)
    return process


def _heed_hang_ups():
    """As from a terminal, whatever these tests are run by."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def wait_until_it_trains(process, out):
    while not list((out / "checkpoints").glob("*/frames-0000000000")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.2)  # into an update


def checkpoints(out):
    return sorted(path.name for path in (out / "checkpoints").glob("*/frames-*"))


@pytest.fixture
def suite(tmp_path):
    """A suite of one run that trains for some seconds, as a TOML file."""
    path = tmp_path / "one.toml"
    path.write_text(SUITE)
    return path


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    (folder / "one.toml").write_text(SUITE)
    assert answer("run-suite", folder / "one.toml", *ARGUMENTS, "--out", folder / "out").returncode == 0
    return folder / "out"


@pytest.mark.parametrize(
    ("number", "everyone"),
    [
        (signal.SIGTERM, True),  # as batch systems send it
        *(
            pytest.param(number, everyone, marks=pytest.mark.slow)
            for number, everyone in (
                (signal.SIGTERM, False),
                (signal.SIGHUP, True),
                (signal.SIGHUP, False),
                (signal.SIGINT, False),
            )
        ),
    ],
)
def test_a_signal_stops_at_a_checkpoint_in_one_line(suite, tmp_path, straight, number, everyone):
    out = tmp_path / "out"
    process = training(suite, out)
    (os.killpg if everyone else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == CODES[number], said
    assert len(said.strip().splitlines()) == 1 and "the same command continues" in said
    assert checkpoints(out)
    assert answer("run-suite", suite, *ARGUMENTS, "--out", out).returncode == 0
    assert_same_results(straight, out)


def test_a_worker_whose_parent_is_gone_stops_at_a_checkpoint(suite, tmp_path, straight):
    out = tmp_path / "out"
    process = begin("run-suite", suite, *ARGUMENTS, "--out", out)
    wait_until_it_trains(process, out)
    left = list(map(psutil.Process, workers(process)))
    assert len(left) == 1
    os.kill(process.pid, signal.SIGKILL)
    left[0].send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(left, timeout=30)
    assert not alive
    assert answer("run-suite", suite, *ARGUMENTS, "--out", out).returncode == 0
    assert_same_results(straight, out)


@pytest.mark.slow
def test_a_worker_told_to_stop_alone_is_replaced_and_its_run_goes_on(suite, tmp_path, straight):
    out = tmp_path / "out"
    process = training(suite, out)
    children = psutil.Process(process.pid).children(recursive=True)
    (worker,) = (each for each in children if "spawn_main" in str(each.cmdline()))
    worker.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert_same_results(straight, out)


@pytest.mark.slow
def test_a_program_started_by_nohup_outlives_its_terminal(suite, tmp_path):
    out = tmp_path / "out"
    process = training(suite, out, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    os.kill(process.pid, signal.SIGHUP)
    assert process.wait(timeout=120) == 0
