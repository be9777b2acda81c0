"""Agents learn what they should on the easy level: minutes each."""

import pytest
import torch

from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.protocols import play_condition
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.run import TrainingRun

SCENES = ProtocolConfig(name="generalization", scenes=200)


def run_of(agent, frames=0, model="t5-nano", **values):
    environment = {"level": "GoToLocalS5N2", "remembered": 1}
    policy = {"head_hidden": 128} if model != "none" else {}
    values = {"environment": environment, "policy": policy, "ppo": {"preset": "small"}, **values}
    return TrainingRun(RunConfig.parse({"agent": agent, "model": model, "frames": frames, **values}, "test"))


def trained(run):
    while not run.finished:
        run.advance()
    return run


@torch.no_grad()
def success(run):
    played = [one.episode for one in play_condition(run.policy, run.config, 0, SCENES, ConditionConfig())]
    return sum(episode.success for episode in played) / len(played)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_clones_do_nearly_as_well_as_whom_they_imitate(tmp_path):
    clone = trained(run_of("bc-bot", 51_200))
    cloned, bot = success(clone), success(run_of("bot", model="none"))
    assert cloned >= 0.9 * bot
    checkpoint = CheckpointStore(tmp_path).write(clone.frames, clone.save, clone.state())
    second = trained(run_of("bc-gflan", 51_200, cloning={"source": str(checkpoint)}))
    assert success(second) >= 0.95 * cloned
