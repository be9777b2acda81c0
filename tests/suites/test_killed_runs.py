"""Killed at instants of chance and started again, a run of any agent stores what an unbroken one does."""

import json
import random
import shutil
import time

import pytest
from killable import start
from program import assert_same_results

from glam_eval.config.protocols import ProtocolConfig
from glam_eval.suites.messages import Plan


def finish(plan, out):
    process = start(plan, out)
    process.join(300)
    assert process.exitcode == 0


def checksums(out, run_id):
    """Of every file of the last checkpoint: weights, optimiser, memory, replay."""
    newest = max((out / "checkpoints" / run_id).glob("frames-*"))
    return newest.name, json.loads((newest / "checkpoint.json").read_text())["sha256"]


def assert_same_runs(one, two, run_id):
    assert_same_results(one, two)
    assert checksums(one, run_id) == checksums(two, run_id)


FEW, MANY = 3, 20
AGENTS = ("gflan", "npae", "drrn", "symbolic-ppo", "bc-bot")


@pytest.mark.parametrize(
    ("tiny_learner", "kills"),
    [("gflan", FEW), *(pytest.param(agent, MANY, marks=pytest.mark.slow) for agent in AGENTS)],
    indirect=["tiny_learner"],
)
def test_killed_at_any_instant_and_resumed_equals_uninterrupted(tiny_learner, kills, tmp_path):
    config = tiny_learner()
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
