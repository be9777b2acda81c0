"""What batch systems and closed terminals send: a checkpoint, one line, the exit code that shells expect."""

import os
import signal
import subprocess
import time

import psutil
import pytest
from program import assert_same_results, command, glam_eval

ARGUMENTS = ("--seeds", 1, "--workers", 1, "--no-summary", "--set", "frames=4000", "--set", "evaluations=1")
AGENTS = ("--set", "agents=[{agent='gflan',model='t5-pico'}]")
CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


def begin(tiny_suite, out, **options):
    """Start the suite and wait until its run trains."""
    process = subprocess.Popen(
        command("run-suite", tiny_suite, *ARGUMENTS, *AGENTS, "--out", out),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    while not list((out / "checkpoints").glob("*/frames-0000000000")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    return process


def checkpoints(out):
    return sorted(path.name for path in (out / "checkpoints").glob("*/frames-*"))


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    from conftest import TINY_SUITE

    folder = tmp_path_factory.mktemp("straight")
    (folder / "tiny.toml").write_text(TINY_SUITE)
    assert (
        glam_eval("run-suite", folder / "tiny.toml", *ARGUMENTS, *AGENTS, "--out", folder / "out").returncode
        == 0
    )
    return folder / "out"


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("everyone", [False, True], ids=["parent", "all"])
def test_a_signal_stops_at_a_checkpoint_in_one_line(tiny_suite, tmp_path, straight, number, everyone):
    out = tmp_path / "out"
    process = begin(tiny_suite, out)
    (os.killpg if everyone else os.kill)(process.pid, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == CODES[number], said
    assert len(said.strip().splitlines()) == 1 and "the same command continues" in said
    assert checkpoints(out)[-1] > "frames-0000000000"
    assert glam_eval("run-suite", tiny_suite, *ARGUMENTS, *AGENTS, "--out", out).returncode == 0
    assert_same_results(straight, out)


def test_a_worker_whose_parent_is_gone_stops_at_a_checkpoint(tiny_suite, tmp_path):
    out = tmp_path / "out"
    process = begin(tiny_suite, out)
    workers = [
        each
        for each in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in str(each.cmdline())
    ]
    os.kill(process.pid, signal.SIGKILL)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
    assert checkpoints(out)[-1] > "frames-0000000000"


def test_a_worker_told_to_stop_alone_is_replaced_and_its_run_goes_on(tiny_suite, tmp_path, straight):
    out = tmp_path / "out"
    process = begin(tiny_suite, out)
    children = psutil.Process(process.pid).children(recursive=True)
    (worker,) = (each for each in children if "spawn_main" in str(each.cmdline()))
    worker.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert_same_results(straight, out)


def test_a_program_started_by_nohup_outlives_its_terminal(tiny_suite, tmp_path):
    out = tmp_path / "out"
    process = begin(tiny_suite, out, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    os.kill(process.pid, signal.SIGHUP)
    assert process.wait(timeout=120) == 0
