"""Behavioural cloning: the loss, the schedule, and the order in which demonstrations are seen."""

import math

import numpy as np
import pytest
import torch

from glam_eval.core.errors import RunFailedError
from glam_eval.core.records import DemonstrationRecord
from glam_eval.training.run import TrainingRun

ACTIONS = ["turn left", "turn right", "go forward", "pick up", "drop", "toggle"]
TWENTY = [
    DemonstrationRecord("GoToLocalS5N2", 1, step, f"Goal of the agent: go {step}", ACTIONS, step % 3, "bot")
    for step in range(20)
]


def cloning(tiny_run, frames=240, demonstrations=TWENTY, **values):
    config = tiny_run("bc-bot", frames=frames, learner={"minibatch": 8, "steps": 10, **values})
    return TrainingRun(config, demonstrations=demonstrations)


def cloner_of(run):
    return run._learner


def test_the_first_loss_is_the_mean_cross_entropy_of_the_policy(tiny_run):
    cloner = cloner_of(cloning(tiny_run, minibatch=20, steps=1, micro_batch_tokens=30))
    with torch.no_grad():
        scores = cloner._policy.evaluate(cloner._inputs).log_probabilities
    expected = -sum(scores[row, row % 3].item() for row in range(20)) / 20
    entropy = torch.distributions.Categorical(logits=scores).entropy().mean().item()
    learned = cloner.update(1)
    assert learned.policy_loss == pytest.approx(expected, rel=1e-5)
    assert learned.entropy == pytest.approx(entropy, rel=1e-5)


def test_demonstrations_are_learned(tiny_run):
    run = cloning(tiny_run, frames=600, steps=5, learning_rate=5e-3)
    losses = [run.advance().policy_loss for _ in range(15)]
    assert losses[-1] < 0.3 < losses[0]


def test_warm_up_then_cosine_to_nothing(tiny_run):
    cloner = cloner_of(cloning(tiny_run, warmup=0.1, learning_rate=1.0))  # 3 updates of 10 steps
    rates = [cloner.learning_rate(step) for step in range(1, 31)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert rates[3:] == pytest.approx([0.5 * (1 + math.cos(math.pi * k / 27)) for k in range(1, 28)])


def test_each_demonstration_is_seen_once_before_any_twice(tiny_run):
    cloner = cloner_of(cloning(tiny_run))
    seen = np.concatenate([cloner._minibatch(step) for step in range(1, 6)])  # 40 of 20
    assert sorted(seen[:20]) == sorted(seen[20:]) == list(range(20))
    assert seen[:20].tolist() != seen[20:].tolist()


def test_nothing_to_imitate_is_said(tiny_run):
    with pytest.raises(RunFailedError, match="no demonstrations to imitate"):
        cloning(tiny_run, demonstrations=[])
