"""Agents learn what they should on the easy level, as the suite of all agents sets them: minutes each."""

import pytest
import torch

from glam_eval.config.loading import load_suite
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.protocols import play_condition
from glam_eval.training.checkpoints import CheckpointStore, read_checkpoint
from glam_eval.training.run import TrainingRun

SCENES = ProtocolConfig(name="generalization", scenes=200)


def run_of(agent, frames=0, demonstrations=()):
    config = next(run for run in load_suite("grounding-cpu").runs() if run.agent == agent)
    return TrainingRun(config.changed(frames=frames), demonstrations=demonstrations)


def trained(run):
    while not run.finished:
        run.advance()
    return run


@torch.no_grad()
def success(run):
    played = [one.episode for one in play_condition(run.policy, run.config, 0, SCENES, ConditionConfig())]
    return sum(episode.success for episode in played) / len(played)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("agent", ["drrn", "symbolic-ppo"])
def test_networks_from_scratch_learn(agent):
    # about 0.35 at random; both go on rising for the rest of their budget
    assert success(trained(run_of(agent, 25_600))) >= success(run_of("random")) + 0.15


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_clones_do_nearly_as_well_as_whom_they_imitate(demonstrations, tmp_path):
    def shown_by(source, teacher=None):
        config = run_of("bot").config
        return demonstrations(config, source=source, teacher=teacher, transitions=20_480, environments=32)

    clone = trained(run_of("bc-bot", 20_480, shown_by("bot")))
    cloned, bot = success(clone), success(run_of("bot"))
    assert cloned >= 0.9 * bot
    checkpoint = CheckpointStore(tmp_path).write(clone.frames, clone.save, clone.state())
    imitated = shown_by(str(checkpoint), read_checkpoint(checkpoint))
    second = trained(run_of("bc-gflan", 20_480, imitated))
    assert success(second) >= 0.95 * cloned
