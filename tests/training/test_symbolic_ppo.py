"""PPO on Symbolic-PPO's own policy: the first ratio is 1, and recurrent updates equal unrolled ones."""

import copy

import pytest
import torch
from toy import independent_update

from glam_eval.config.ppo import PPOConfig
from glam_eval.environments import VectorEnvironment
from glam_eval.policies.symbolic import SymbolicPolicy
from glam_eval.training.actors import Actors
from glam_eval.training.learners import PPOLearner
from glam_eval.training.ppo import PPO
from glam_eval.training.rollouts import Collector


def learning(**values):
    config = PPOConfig(
        environments=3, steps=6, minibatch=18, epochs=1, recurrence=6, learning_rate=1e-3, **values
    )
    policy = SymbolicPolicy(actions=3)
    actors = Actors(VectorEnvironment("GoToLocalS5N2", 3, actions="restricted"), 3, seed=0)
    return policy, actors, config


def test_update_equals_an_unrolled_one():
    policy, actors, config = learning()
    twin = copy.deepcopy(policy)
    rollout = Collector(policy, actors, 0).collect(config.steps, 1, 20.0)
    PPO(policy, config, seed=0, updates=1).update(rollout, 1)
    independent_update(twin, rollout, config)
    for (name, ours), theirs in zip(policy.named_parameters(), twin.parameters(), strict=True):
        # Adam divides by the gradient's size: where that is near rounding, only its order is certain
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-4, msg=name)


def test_every_update_begins_with_ratio_one_though_statistics_move():
    policy, actors, config = learning()
    learner = PPOLearner(policy, actors, config, seed=0, updates=3)
    means = []
    for number in (1, 2, 3):
        learned = learner.update(number)
        assert learned.approx_kl == pytest.approx(0, abs=1e-6)
        assert learned.clip_fraction == 0
        means.append(policy.view[1].running_mean.clone())
    assert not torch.equal(means[0], means[1]) and not torch.equal(means[1], means[2])
