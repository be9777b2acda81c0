"""The contrastive term: by hand, against plain gradients, on real prompts, and without a trace when off."""

import math

import pytest
import torch

from glam_eval.config.ppo import PPOConfig
from glam_eval.core.errors import UserError
from glam_eval.environments import make_environment
from glam_eval.training import optimisers
from glam_eval.training.contrastive import others_of, triplet_loss
from glam_eval.training.losses import Losses
from glam_eval.training.run import TrainingRun


def tensor(*rows):
    return torch.tensor(rows, dtype=torch.float32)


def test_the_triplet_loss_by_hand():
    """Distances 5 and 1: 5 - 1 + 1; distances 1 and 5 are far enough apart; equal ones leave the margin."""
    near, far = tensor([0.0, 1.0]), tensor([3.0, 4.0])
    anchor = tensor([0.0, 0.0])
    assert triplet_loss(anchor, far, near).item() == pytest.approx(5.0, abs=1e-4)
    assert triplet_loss(anchor, near, far).item() == 0.0
    assert triplet_loss(anchor, near, near).item() == pytest.approx(1.0, abs=1e-4)
    both = triplet_loss(anchor.repeat(2, 1), torch.cat([far, near]), torch.cat([near, near]))
    assert both.item() == pytest.approx(6.0, abs=1e-4)


def test_the_term_is_weighted_into_what_is_minimised():
    terms = [torch.tensor(value) for value in (1.0, 2.0, 4.0, 0.0, 0.0)]
    config = PPOConfig(value_coefficient=0.5, entropy_coefficient=0.25, contrastive=0.5)
    assert Losses(*terms, torch.tensor(8.0)).objective(config).item() == 1 + 1 - 1 + 4
    assert Losses(*terms).objective(config).item() == 1 + 1 - 1


class Keyed:
    """A policy that knows its inputs by themselves."""

    def key(self, prepared):
        return prepared


def test_another_situation_is_the_next_one_that_differs():
    assert others_of(Keyed(), list("aabca")).tolist() == [2, 2, 3, 4, 2]
    assert others_of(Keyed(), list("abab")).tolist() == [1, 2, 3, 0]
    assert others_of(Keyed(), list("aaa")).tolist() == [0, 1, 2]


def test_a_prompt_is_retold_as_if_told_so_from_the_start(tiny_run):
    world = tiny_run().environment.changed(remembered=3)
    told = make_environment(world, 1)
    names = ("paper", "goal_first", "tags", "paraphrase", "prose")
    others = {name: make_environment(world.changed(template=name), 1) for name in names}
    for environment in (told, *others.values()):
        environment.start(0, 7)
    for action in (0, 2, 1, 1, 2):
        (situation,) = told.situations()
        for name, environment in others.items():
            assert situation.retell(name) == environment.situations()[0].prompt
        for environment in (told, *others.values()):
            environment.step([action])
    hidden = make_environment(world.changed(goal_hidden=True), 1)
    hidden.start(0, 7)
    assert "<goal>" not in hidden.situations()[0].retell("tags")


def run_with(tiny_run, **learner):
    common = {"environments": 8, "steps": 10, "minibatch": 40, "preset": "small"}
    return TrainingRun(tiny_run(frames=160, learner={**common, **learner}))


def weights(run):
    return torch.cat([each.detach().flatten() for each in run.policy.parameters()])


def test_each_situation_is_retold_once_in_another_template(tiny_run):
    run = run_with(tiny_run, contrastive=0.5)
    rollout = run._learner._collector.collect(10, 1, 1.0)
    tokenizer, openings = run.policy.tokenizer, set()
    for told, retold in zip(rollout.inputs, rollout.retold, strict=True):
        for one, other in zip(told, retold, strict=True):
            assert one.actions == other.actions
            assert one.prompt.tobytes() != other.prompt.tobytes()
            openings.add(tokenizer.decode(other.prompt[:3]))
    assert len(openings) == 3
    again = run_with(tiny_run, contrastive=0.5)._learner._collector.collect(10, 1, 1.0)
    for before, after in zip(rollout.retold, again.retold, strict=True):
        assert [a.prompt.tolist() for a in before] == [b.prompt.tolist() for b in after]


@pytest.fixture
def kept_gradients(monkeypatch):
    """No step is taken, so that the gradient of the one minibatch can be read."""
    monkeypatch.setattr(optimisers, "take_step", lambda *_: None)


@pytest.mark.usefixtures("kept_gradients")
def test_the_gradient_is_that_of_the_whole_minibatch_however_it_is_cut(tiny_run):
    settings = {"contrastive": 0.5, "epochs": 1, "minibatch": 80, "max_grad_norm": 1e9}
    found = []
    for at_once in (100_000, 400):
        run = run_with(tiny_run, micro_batch_tokens=at_once, **settings)
        record = run.advance()
        gradients = [each.grad.flatten() for each in run.policy.parameters() if each.grad is not None]
        found.append((torch.cat(gradients), record.contrastive_loss))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-3, atol=1e-5)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-4)


@pytest.mark.usefixtures("kept_gradients")
def test_the_gradient_is_the_plain_one(tiny_run):
    """Gradients with the term less those without it, against the term's own by plain autograd."""
    settings = {"epochs": 1, "minibatch": 80, "max_grad_norm": 1e9}
    off, on, plain = (run_with(tiny_run, contrastive=weight, **settings) for weight in (0.0, 2.0, 2.0))
    rollout = plain._learner._collector.collect(10, 1, 1.0)
    (drawn,) = plain._learner._ppo._minibatches(rollout, 1, 0)  # the whole batch, shuffled
    told, retold = (
        [rows[each // 8][each % 8] for each in drawn] for rows in (rollout.inputs, rollout.retold)
    )
    states, other = plain.policy.represent(told), others_of(plain.policy, told)
    loss = torch.nn.functional.triplet_margin_loss(
        states, plain.policy.represent(retold), states[torch.from_numpy(other)]
    )
    expected = torch.autograd.grad(2.0 * loss, list(plain.policy.model.parameters()), allow_unused=True)
    record, _ = on.advance(), off.advance()
    assert record.contrastive_loss == pytest.approx(loss.item(), rel=1e-4)
    pairs = zip(on.policy.model.parameters(), off.policy.model.parameters(), expected, strict=True)
    for with_term, without, term in pairs:
        if term is not None:
            torch.testing.assert_close(with_term.grad - without.grad, term, rtol=1e-2, atol=1e-4)


def test_off_is_as_if_there_were_no_such_setting(tiny_run):
    plain, off = tiny_run(), tiny_run(learner={**tiny_run().learner.model_dump(), "contrastive": 0.0})
    assert off.run_id == plain.run_id
    assert not {"contrastive", "retold"} & set(plain.read()["learner"])
    run = run_with(tiny_run)
    assert run._learner._collector.collect(2, 1, 1.0).retold is None
    assert math.isnan(run.advance().contrastive_loss)
    on = tiny_run(learner={**tiny_run().learner.model_dump(), "contrastive": 0.5})
    assert on.run_id != plain.run_id
    assert on.read()["learner"]["contrastive"] == 0.5


def test_agents_without_a_language_model_do_not_read_it(tiny_run):
    plain = tiny_run("symbolic-ppo")
    other = tiny_run("symbolic-ppo", learner={**plain.learner.model_dump(), "contrastive": 0.5})
    assert other == plain
    assert other.learner.contrastive == 0.0


def test_states_of_one_situation_come_together(tiny_run):
    run = run_with(tiny_run, contrastive=5.0, epochs=8, learning_rate=1e-3)
    records = [run.advance() for _ in range(2)]
    assert 0 < records[1].contrastive_loss < records[0].contrastive_loss
    again = run_with(tiny_run, contrastive=5.0, epochs=8, learning_rate=1e-3)
    for record in records:
        assert again.advance().contrastive_loss == record.contrastive_loss
    assert torch.equal(weights(run), weights(again))


@pytest.mark.parametrize(
    ("agent", "learner", "message"),
    [
        ("gflan", {"contrastive": 0.5, "recurrence": 2}, "needs recurrence = 1"),
        ("gflan", {"contrastive": 0.5, "retold": "paper"}, "name two templates at least"),
        ("gflan", {"contrastive": -1.0}, "contrastive"),
    ],
)
def test_wrong_settings_are_refused(tiny_run, agent, learner, message):
    with pytest.raises(UserError, match=message):
        tiny_run(agent, frames=160, learner={"environments": 8, "steps": 10, "minibatch": 40, **learner})
