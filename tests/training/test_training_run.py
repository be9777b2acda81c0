"""A run: reproducible, resumable at any update, refusing another's checkpoint."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats

from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.records import TrainingRecord
from glam_eval.policies.base import sample_actions
from glam_eval.results import columns_of
from glam_eval.training import rollouts
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.run import TrainingRun

STABLE = [column.attribute for column in columns_of(TrainingRecord) if not column.column.volatile]


def numbers(record):
    values = dataclasses.asdict(record)
    return [repr(values[name]) for name in STABLE]


def weights(run):
    return [parameter.detach().clone() for parameter in run.policy.parameters()]


def test_equal_configurations_give_equal_numbers(tiny_run):
    one, two = TrainingRun(tiny_run()), TrainingRun(tiny_run())
    for _ in range(2):
        assert numbers(one.advance()) == numbers(two.advance())
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(two), strict=True))


def test_information_of_a_batch_is_the_divergence_of_its_policies_from_their_mean(tiny_run, monkeypatch):
    asked, training = [], TrainingRun(tiny_run())

    def choose(distribution, uniforms):
        asked.append(np.exp(distribution.astype(np.float64)))
        return sample_actions(distribution, uniforms)

    monkeypatch.setattr(rollouts, "sample_actions", choose)
    told = training.advance().information
    policies = np.concatenate(asked)
    expected = np.mean([stats.entropy(policy, policies.mean(axis=0)) for policy in policies])
    assert told == pytest.approx(expected, rel=1e-6) and told > 0


def test_information_is_of_phrases_where_the_actions_offered_differ():
    measured = rollouts._Information()
    chances = np.array([[0.7, 0.3, 0], [0.2, 0.5, 0.3], [0.1, 0.9, 0]], dtype=np.float32)
    offered = [("go", "take"), ("take", "wait", "go"), ("go", "take")]
    with np.errstate(divide="ignore"):
        measured.add(np.log(chances[:2]), offered[:2])
        measured.add(np.log(chances[2:, :2]), offered[2:])
    by_phrase = np.array([[0.7, 0.3, 0], [0.3, 0.2, 0.5], [0.1, 0.9, 0]])  # go, take, wait
    expected = np.mean([stats.entropy(policy, by_phrase.mean(axis=0)) for policy in by_phrase])
    assert measured.value() == pytest.approx(expected, rel=1e-6)


def test_seeds_differ_in_weights_and_experience(tiny_run):
    one, two = TrainingRun(tiny_run(seed=1)), TrainingRun(tiny_run(seed=2))
    assert not all(torch.equal(a, b) for a, b in zip(weights(one), weights(two), strict=True))
    assert numbers(one.advance())[6:] != numbers(two.advance())[6:]


def test_a_resumed_run_equals_a_straight_one(tiny_learner, begin, tmp_path):
    stores = [CheckpointStore(tmp_path / str(cut)) for cut in (1, 2)]
    straight, expected = begin(tiny_learner()), []
    for update in range(3):
        expected.append(numbers(straight.advance()))
        if update < 2:
            stores[update].write(straight.frames, straight.save, straight.state())
    assert straight.finished
    for cut, store in enumerate(stores, start=1):
        resumed = begin(tiny_learner(), resume=store.latest())
        assert [numbers(resumed.advance()) for _ in range(3 - cut)] == expected[cut:]
        assert resumed.finished
        assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(resumed), strict=True))


def test_every_update_changes_the_policy(tiny_learner, begin):
    run = begin(tiny_learner())
    before = weights(run)
    run.advance()
    assert not all(torch.equal(a, b) for a, b in zip(before, weights(run), strict=True))


def test_another_runs_checkpoint_is_refused(tiny_run, tmp_path):
    run = TrainingRun(tiny_run(seed=1))
    store = CheckpointStore(tmp_path)
    store.write(0, run.save, run.state())
    with pytest.raises(UserError, match="belongs to run gflan-t5-pico-GoToLocalS5N2-s1"):
        TrainingRun(tiny_run(seed=2), resume=store.latest())


def test_first_epoch_ratio_is_one(tiny_run):
    ppo = {"preset": "small", "environments": 8, "steps": 10, "minibatch": 80, "epochs": 1}
    record = TrainingRun(tiny_run(learner=ppo)).advance()
    assert abs(record.approx_kl) < 1e-6
    assert record.clip_fraction == 0


def test_a_weight_that_is_not_finite_after_the_last_gradient_step_fails_the_run(tiny_learner, begin):
    """Whatever learns: the loss before that step was finite, and there is none after it."""
    run = begin(tiny_learner())
    *_, last = run.policy.parameters()
    update = run._learner.update

    def overflow(number):
        learned = update(number)
        with torch.no_grad():
            last.view(-1)[-1] = -torch.inf
        return learned

    run._learner.update = overflow
    kind = run.config.learner.kind
    with pytest.raises(RunFailedError, match=rf"NaN or infinite after update 1: lower {kind}\.learning_rate"):
        run.advance()
