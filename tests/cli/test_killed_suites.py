"""Suites that are killed and interrupted: the same command goes on to the same results."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from program import answer, assert_same_results, command, glam_eval
from under_way import begin


def kill_after(suite: Path | str, out: Path, seconds: float, workers: int, options: tuple) -> None:
    """Start the study and kill it some time in: by chance the parent alone, or it and its workers."""
    process = subprocess.Popen(
        command("run-suite", suite, "--out", out, "--workers", workers, "--no-summary", *options),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        if random.random() < 0.5:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def kill_and_resume(
    suite: Path | str, out: Path, kills: int, seed: int, longest: float = 25, options: tuple = ()
) -> None:
    random.seed(seed)
    workers = 2 - seed % 2
    for seconds in [random.uniform(3, longest) for _ in range(kills)]:
        kill_after(suite, out, seconds, workers, options)
    done = glam_eval("run-suite", suite, "--out", out, "--workers", workers, *options, timeout=3600)
    assert done.returncode == 0, done.stderr


def trained(out: Path) -> int:
    """The frames of the newest checkpoint."""
    names = (path.name for path in out.glob("checkpoints/gflan-*/frames-" + 10 * "[0-9]"))
    return max((int(name.partition("-")[2]) for name in names), default=0)


def test_killed_and_resumed_equals_uninterrupted(study, suite, tmp_path):
    out = tmp_path / "killed"
    arguments = ("run-suite", suite, "--out", out, "--workers", 2)
    process = begin(*arguments)
    while trained(out) < 160 and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = answer(*arguments)
    assert done.returncode == 0, done.stderr
    assert_same_results(study[0], out)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_killed_many_times_and_resumed_equals_uninterrupted(study, suite, tmp_path, seed):
    kill_and_resume(suite, tmp_path / "killed", kills=5, seed=seed)
    assert_same_results(study[0], tmp_path / "killed")


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_quick_killed_twenty_times_and_resumed_equals_uninterrupted(tmp_path):
    options = ("--seeds", 2)
    straight = tmp_path / "straight"
    done = glam_eval("run-suite", "quick", "--out", straight, "--workers", 2, *options, timeout=3600)
    assert done.returncode == 0, done.stderr
    for seed in (0, 1):  # with 2 workers, then with 1
        killed = tmp_path / f"killed-{seed}"
        kill_and_resume("quick", killed, kills=10, seed=seed, longest=50, options=options)
        assert_same_results(straight, killed)


@pytest.mark.thorough
def test_an_interrupt_keeps_everything_and_one_worker_goes_on_to_what_two_found(study, suite, tmp_path):
    out = tmp_path / "interrupted"
    process = begin("run-suite", suite, "--out", out, "--workers", 1, "--no-summary")
    while not list(out.glob("episodes/*.parquet")) and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1].startswith("glam-eval: interrupted")
    assert "the same command" in said
    assert answer("run-suite", suite, "--out", out, "--no-summary", "--workers", 1).returncode == 0
    assert_same_results(study[0], out, besides="comparisons")


def test_an_interrupt_while_a_teacher_trains_leaves_its_checkpoint_within_seconds(suite, tmp_path):
    """What a clone needs is trained as a run of the study: reported, stopped and gone on with like any."""
    out = tmp_path / "interrupted"
    clones = "agents=[{agent='bc-gflan',model='t5-pico'},{agent='bc-bot',model='t5-pico'}]"
    settings = ["--set", clones, "--set", "frames=4000", "--seeds", 1, "--workers", 1, "--no-summary"]
    process = begin("run-suite", suite, "--out", out, *settings)
    while not list(out.glob("checkpoints/gflan-*/frames-*")) and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)  # into an update
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 10  # the promise that a batch system's grace period rests on
    assert process.returncode == 130, said
    newest = max(out.glob("checkpoints/gflan-*/frames-*"))
    assert 0 < int(newest.name.partition("-")[2]) < 4000
    assert not list(out.glob("demonstrations/*gflan*"))
