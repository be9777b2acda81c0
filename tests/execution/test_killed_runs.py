"""Killed at instants of chance and started again, a run of any agent stores what an unbroken one does."""

import json
import random
import shutil
import time

import pytest
import torch
from killable import start
from program import assert_same_results

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.suites.messages import Plan


def finish(plan, out):
    process = start(plan, out)
    process.join(300)
    assert process.exitcode == 0


def newest(out, run_id):
    return max((out / "checkpoints" / run_id).glob("frames-*"))


def checksums(checkpoint):
    """Of every file of weights and settings, by name.

    Pickles of equal values may differ in which objects they share, and transformers notes in a tokenizer's
    configuration whether it was read from a directory.
    """
    sums = json.loads((checkpoint / "checkpoint.json").read_text())["sha256"]
    return {
        name: value for name, value in sums.items() if not name.endswith((".pt", "tokenizer_config.json"))
    }


def assert_same_runs(one, two, run_id):
    """All tables, weights, and optimiser, memory and replay are equal to the last bit."""
    assert_same_results(one, two)
    first, second = newest(one, run_id), newest(two, run_id)
    assert first.name == second.name
    assert checksums(first) == checksums(second)
    pickled = {file.name for file in first.glob("*.pt")}
    assert pickled == {file.name for file in second.glob("*.pt")}
    for name in pickled:
        states = [torch.load(directory / name, weights_only=True) for directory in (first, second)]
        torch.testing.assert_close(*states, rtol=0, atol=0)


FEW, MANY = 3, 20
AGENTS = ("gflan", "aflan", "npe", "npa", "npae", "drrn", "symbolic-ppo", "bc-bot", "bc-gflan")


@pytest.mark.parametrize(
    ("tiny_learner", "threads", "kills"),
    [
        ("gflan", 1, FEW),
        pytest.param("gflan", 2, MANY, marks=pytest.mark.slow),
        *(pytest.param(agent, 1, MANY, marks=pytest.mark.slow) for agent in AGENTS),
    ],
    indirect=["tiny_learner"],
)
def test_killed_at_any_instant_and_resumed_equals_uninterrupted(tiny_learner, threads, kills, tmp_path):
    config = tiny_learner(threads=threads)
    plan = Plan("killed", config, (ProtocolConfig(name="sample-efficiency", scenes=3),))
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    began = time.perf_counter()
    finish(plan, straight)
    lasted = time.perf_counter() - began
    chance = random.Random(f"{config.agent} {kills}")
    while kills:
        process = start(plan, killed)
        process.join(chance.uniform(0.0, 0.7 * lasted))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills -= 1
        else:  # it was faster: it must be right, and another one is begun
            assert process.exitcode == 0
            assert_same_runs(straight, killed, config.run_id)
            shutil.rmtree(killed)
    finish(plan, killed)
    assert_same_runs(straight, killed, config.run_id)
