"""Training that can't go on, by the program: one line says why, and what was stored stays as it was."""

import resource
import shutil

import pytest
from program import answer
from under_way import begin

from glam_eval.training.checkpoints import read_checkpoint

TINY = [
    *("--level", "GoToLocalS5N2", "--frames", "80", "--device", "cpu"),
    *("--set", "protocols=[{name='sample-efficiency',scenes=2}]", "--set", "evaluations=1"),
    *("--set", "ppo.environments=8", "--set", "ppo.steps=10", "--set", "ppo.minibatch=40"),
    *("--set", "environment.remembered=1"),
]
ADDRESSES = 64 * 2**30  # bytes: more than a run needs, less than what this one asks for


def train(out, *arguments):
    return answer("train", *TINY, *arguments, "--out", out)


def reason(done):
    """The line that names the one run that failed."""
    assert done.returncode == 1, done.stderr
    first, line = done.stderr.strip().splitlines()
    assert first == "glam-eval: 1 run failed:"
    return line


def stored(out):
    return {
        file: file.read_bytes() for file in out.rglob("*") if file.is_file() and file.parent.name != "runs"
    }


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    out = tmp_path_factory.mktemp("diverged") / "out"
    done = train(
        out, "--model", "t5-pico", "--set", "policy.head_hidden=8", "--set", "ppo.learning_rate=1e30"
    )
    return out, done


def test_a_loss_that_is_not_finite(diverged):
    out, done = diverged
    line = reason(done)
    assert "gflan-t5-pico-GoToLocalS5N2-s0" in line
    assert "loss or gradient is not finite in update 1: lower ppo.learning_rate (now 1e+30)" in line
    (checkpoint,) = (out / "checkpoints").glob("*/frames-*")
    assert read_checkpoint(checkpoint).frames == 0
    assert list((out / "episodes").rglob("*.parquet"))


@pytest.mark.thorough
def test_a_checkpoint_of_another_model(diverged, tmp_path):
    other, _ = diverged
    settings = ("--model", "t5-nano", "--set", "policy.head_hidden=8", "--set", "ppo.learning_rate=1e30")
    out = tmp_path / "out"
    run_id = reason(train(out, *settings)).partition(":")[0].strip()
    (checkpoints,) = (out / "checkpoints").iterdir()
    assert run_id == checkpoints.name
    shutil.rmtree(checkpoints)
    (foreign,) = (other / "checkpoints").iterdir()
    shutil.copytree(foreign, checkpoints)
    before = stored(out / "checkpoints")
    line = reason(train(out, *settings))
    assert f"belongs to run {foreign.name}, not to {run_id}" in line
    assert stored(out / "checkpoints") == before


@pytest.mark.thorough
def test_out_of_memory(tmp_path):
    settings = ("--model", "t5-pico", "--set", "policy.head_hidden=200000")
    arguments = ("train", *TINY, *settings, "--out", tmp_path / "out")
    line = reason(begin(*arguments, limits={resource.RLIMIT_AS: ADDRESSES}).ended())
    assert "out of memory: lower the learner's micro_batch_tokens" in line
