"""PPO's losses against hand-computed numbers, its update against an independent one."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from toy import LinearPolicy, RecurrentPolicy, independent_update

from glam_eval.config.ppo import PPOConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.training.losses import ppo_losses
from glam_eval.training.ppo import PPO
from glam_eval.training.rollouts import Rollout


def config(**values):
    defaults = {"environments": 4, "steps": 8, "minibatch": 32, "epochs": 1, "learning_rate": 0.05}
    return PPOConfig.model_validate({**defaults, **values})


def tensor(*values):
    return torch.tensor(values, dtype=torch.float32)


def rollout_of(policy, seed=0, steps=8, slots=4, features=5):
    """Experience from random features, collected with the policy's own probabilities and memory."""
    torch.manual_seed(seed)
    draws = np.random.default_rng(seed)
    inputs = [[torch.randn(features) for _ in range(slots)] for _ in range(steps)]
    ends = draws.random((steps, slots)) < 0.2
    memory = torch.zeros(slots, policy.memory_size) if policy.memory_size else None
    memories, scores, values = [], [], []
    actions = draws.integers(0, 3, (steps, slots))
    with torch.no_grad():
        for t in range(steps):
            if memory is not None:
                memories.append(memory)
            output = policy.evaluate(inputs[t], memory)
            scores.append(output.log_probabilities.numpy()[np.arange(slots), actions[t]])
            values.append(output.values.numpy())
            if output.memory is not None:
                memory = output.memory * torch.from_numpy(~ends[t])[:, None]
    return Rollout(
        inputs,
        actions,
        np.stack(scores),
        np.stack(values),
        draws.normal(size=(steps, slots)).astype(np.float32),
        ends,
        np.zeros((steps, slots), dtype=np.float32),
        draws.normal(size=slots).astype(np.float32),
        torch.stack(memories) if memories else None,
        [],
        0.0,
        0.0,
        0.0,
        0.0,
    )


def test_losses_hand_computed():
    # two samples, two actions; ratios 0.6/0.5 = 1.2 -> within clip 0.5, and 0.25/0.5 = 0.5
    scores = torch.log(tensor([0.6, 0.4], [0.75, 0.25]))
    losses = ppo_losses(
        scores,
        values=tensor(1.0, 3.0),
        actions=torch.tensor([0, 1]),
        old_log_probabilities=torch.log(tensor(0.5, 0.5)),
        old_values=tensor(1.0, 1.0),
        advantages=tensor(2.0, -1.0),
        returns=tensor(2.0, 5.0),
        config=config(clip=0.1, value_clip=0.5),
    )
    # policy: min(1.2*2, 1.1*2) = 2.2; min(0.5*-1, 0.9*-1) = -0.9; minus their sum
    assert losses.policy.item() == pytest.approx(-(2.2 - 0.9), rel=1e-5)
    # value: (1-2)^2 = 1; max((3-5)^2, (1.5-5)^2) = 12.25
    assert losses.value.item() == pytest.approx(13.25, rel=1e-5)
    entropies = [-(p * math.log(p) + (1 - p) * math.log(1 - p)) for p in (0.6, 0.25)]
    assert losses.entropy.item() == pytest.approx(sum(entropies), rel=1e-5)
    assert losses.approx_kl.item() == pytest.approx(
        (1.2 - 1 - math.log(1.2)) + (0.5 - 1 - math.log(0.5)), rel=1e-4
    )
    assert losses.clipped.item() == 2


def test_actions_not_offered_count_for_nothing():
    scores = torch.tensor([[math.log(0.5), math.log(0.5), -math.inf]], requires_grad=True)
    one = tensor(1.0)
    losses = ppo_losses(scores, one, torch.tensor([0]), tensor(math.log(0.5)), one, one, one, config())
    losses.objective(config()).backward()
    assert losses.entropy.item() == pytest.approx(math.log(2), rel=1e-6)
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("kind", [LinearPolicy, RecurrentPolicy])
def test_update_equals_an_independent_one_step_by_step(kind):
    # recurrence = steps: whole sequences, so the memory and its gradient run through all of them
    settings = config(recurrence=8 if kind is RecurrentPolicy else 1)
    policy = kind()
    twin = copy.deepcopy(policy)
    rollout = rollout_of(policy)
    PPO(policy, settings, seed=0, updates=10).update(rollout, 1)
    independent_update(twin, rollout, settings)
    for ours, theirs in zip(policy.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_update_does_not_depend_on_the_micro_batch():
    results = []
    for tokens in (1, 7, 10_000):
        policy = LinearPolicy()
        settings = config(epochs=3, minibatch=16, micro_batch_tokens=tokens)
        statistics = PPO(policy, settings, seed=0, updates=10).update(rollout_of(policy), 1)
        results.append((policy.actor.detach(), statistics))
    for actor, statistics in results[1:]:
        torch.testing.assert_close(actor, results[0][0], rtol=1e-5, atol=1e-6)
        expected = dataclasses.astuple(results[0][1])
        assert dataclasses.astuple(statistics) == pytest.approx(expected, rel=1e-4, nan_ok=True)


def test_first_gradient_step_sees_ratio_one():
    policy = RecurrentPolicy()
    statistics = PPO(policy, config(recurrence=4), seed=0, updates=10).update(rollout_of(policy), 1)
    assert statistics.approx_kl == pytest.approx(0, abs=1e-6)
    assert statistics.clip_fraction == 0


def test_every_sample_is_seen_once_an_epoch():
    policy = LinearPolicy()
    settings = config(minibatch=8, recurrence=2)
    learner = PPO(policy, settings, seed=0, updates=10)
    batches = list(learner._minibatches(rollout_of(policy), 1, 0))
    assert [len(batch) for batch in batches] == [4, 4, 4, 4]
    assert sorted(np.concatenate(batches)) == list(range(16))


def test_target_kl_stops_the_epochs():
    def distance(target):
        policy = LinearPolicy()
        start = policy.actor.detach().clone()
        settings = config(epochs=20, target_kl=target, learning_rate=0.2)
        PPO(policy, settings, seed=0, updates=10).update(rollout_of(policy), 1)
        return (policy.actor.detach() - start).norm().item()

    assert distance(1e-4) < distance(None)


def test_learning_rate_schedules():
    def rates(schedule):
        learner = PPO(LinearPolicy(), config(schedule=schedule, learning_rate=1.0), seed=0, updates=4)
        return [learner.learning_rate(update) for update in range(1, 5)]

    assert rates("constant") == [1, 1, 1, 1]
    assert rates("linear") == [1, 0.75, 0.5, 0.25]
    assert rates("cosine") == pytest.approx([1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)])


def test_a_loss_that_is_not_finite_is_one_clear_line():
    policy = LinearPolicy()
    rollout = rollout_of(policy)
    rollout.rewards[0, 0] = np.nan
    before = policy.actor.detach().clone()
    with pytest.raises(RunFailedError, match=r"not finite in update 3: lower ppo\.learning_rate"):
        PPO(policy, config(), seed=0, updates=10).update(rollout, 3)
    assert torch.equal(policy.actor, before)


def test_a_contextual_bandit_is_learned():
    """The best action is the largest of three features: the sign of every loss term is right."""
    policy = LinearPolicy(features=3)
    settings = config(learning_rate=0.05, epochs=4, minibatch=16, discount=0.0, normalize_advantages=True)
    learner = PPO(policy, settings, seed=0, updates=30)
    shares: list[float] = []
    for update in range(1, 31):
        rollout = rollout_of(policy, seed=update, features=3)
        with torch.no_grad():
            scores = policy.evaluate([x for row in rollout.inputs for x in row]).log_probabilities
        rollout.actions[:] = torch.distributions.Categorical(logits=scores).sample().reshape(8, 4).numpy()
        chosen = scores.numpy()[np.arange(32), rollout.actions.ravel()]
        rollout.log_probabilities[:] = chosen.reshape(8, 4)
        best = np.array([[int(features.argmax()) for features in row] for row in rollout.inputs])
        rollout.rewards[:] = best == rollout.actions
        shares.append(float(rollout.rewards.mean()))
        learner.update(rollout, update)
    assert shares[-1] > 0.75 > shares[0]
