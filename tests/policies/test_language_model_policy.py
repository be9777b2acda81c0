"""The policy: probabilities, heads, what is trained, saving, one path for rollout and update."""

import copy
import pickle
import shutil

import numpy as np
import pytest
import torch

from glam_eval.config.policy import LoraConfig, PolicyConfig
from glam_eval.core.errors import UserError
from glam_eval.core.world import Observation, Situation
from glam_eval.policies import LanguageModelPolicy, load_model, score_actions

ACTIONS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle")
GOALS = ["go to the red ball", "pick up the green key and the blue box", "open a door", "go to the red ball"]


def situation(goal, actions=ACTIONS):
    observation = Observation(goal, (), np.zeros((7, 7, 3), dtype=np.uint8), 0)
    return Situation(observation, f"Goal of the agent: {goal} \n Observation 0: ", actions, lambda: 0)


def make(name="t5-pico", actions_count=6, **settings):
    config = PolicyConfig(head_hidden=32, **settings)
    return LanguageModelPolicy(*load_model(name, seed=1), config, actions_count=actions_count)


def prepared(policy):
    return [policy.prepare(situation(goal)) for goal in GOALS]


def test_policy_is_the_softmax_of_scores_in_the_order_given():
    policy = make("t5-nano")
    output = policy.evaluate(prepared(policy))
    scores = score_actions(
        policy.model, policy.tokenizer, [situation(goal).prompt for goal in GOALS], ACTIONS
    )
    torch.testing.assert_close(output.log_probabilities, scores.log_softmax(-1))
    assert torch.equal(output.log_probabilities[0], output.log_probabilities[3])
    assert output.values.shape == (4,)


def test_first_release_divides_by_the_largest_probability():
    policy = make(policy_softmax="max_probability")
    scores = score_actions(policy.model, policy.tokenizer, [situation(GOALS[0]).prompt], ACTIONS)[0].double()
    ratios = scores.exp() / scores.exp().max()
    expected = (ratios.exp() / ratios.exp().sum()).log()
    actual = policy.evaluate(prepared(policy)[:1]).log_probabilities[0]
    torch.testing.assert_close(actual.double(), expected, rtol=1e-5, atol=1e-6)
    assert actual.exp().max() < 0.36


@pytest.mark.parametrize("choice", ["scoring", "head"])
def test_actions_that_are_not_offered_have_no_probability(choice):
    policy = make(action_choice=choice)
    inputs = [policy.prepare(situation(GOALS[0], ACTIONS[:3])), policy.prepare(situation(GOALS[0]))]
    output = policy.evaluate(inputs)
    assert output.log_probabilities[0, 3:].isneginf().all()
    torch.testing.assert_close(output.log_probabilities.exp().sum(1), torch.ones(2))
    alone = policy.evaluate(inputs[:1]).log_probabilities
    torch.testing.assert_close(output.log_probabilities[:1, :3], alone)


def test_rollout_and_update_give_equal_probabilities():
    policy = make("t5-nano")
    inputs = prepared(policy)
    with torch.no_grad():
        rollout = policy.evaluate(inputs)
    update = policy.evaluate(inputs)
    assert torch.equal(rollout.log_probabilities, update.log_probabilities.detach())
    assert torch.equal(rollout.values, update.values.detach())
    reversed_order = policy.evaluate(inputs[::-1]).log_probabilities.flip(0)
    torch.testing.assert_close(reversed_order, update.log_probabilities)


def test_large_rollouts_are_cut_into_batches(monkeypatch):
    policy = make()
    inputs = prepared(policy)
    whole = policy.evaluate(inputs)
    monkeypatch.setattr("glam_eval.policies.scoring.scores.TOKENS_PER_BATCH", 12)
    with torch.no_grad():
        cut = policy.evaluate(inputs)
    torch.testing.assert_close(cut.log_probabilities, whole.log_probabilities.detach())
    torch.testing.assert_close(cut.values, whole.values.detach())


def test_inputs_are_picklable_and_cost_their_tokens():
    policy = make()
    item = prepared(policy)[1]
    again = pickle.loads(pickle.dumps(item))
    assert policy.cost(again) == len(
        policy.tokenizer(situation(GOALS[1]).prompt, add_special_tokens=False).input_ids
    )
    assert torch.equal(policy.evaluate([again]).values, policy.evaluate([item]).values)


@pytest.mark.parametrize(
    ("trainable", "expected"),
    [
        ("all", {"shared", "encoder", "decoder", "lm_head"}),
        ("decoder", {"decoder", "lm_head"}),
        ("heads", set()),
    ],
)
def test_only_what_is_trainable_gets_gradients(trainable, expected):
    policy = make(trainable=trainable)
    output = policy.evaluate(prepared(policy))
    (output.log_probabilities[:, 0].sum() + output.values.sum()).backward()
    touched = {name.split(".")[0] for name, p in policy.model.named_parameters() if p.grad is not None}
    assert touched == expected
    assert all(p.grad is not None for p in policy.heads.parameters())
    assert {id(p) for p in policy.parameters()} == {
        id(p) for p in [*policy.model.parameters(), *policy.heads.parameters()] if p.grad is not None
    }


@pytest.mark.parametrize("settings", [{}, {"action_choice": "head"}, {"lora": LoraConfig(rank=4)}])
def test_saved_policies_load_exactly(tmp_path, settings):
    policy = make(**settings)
    inputs = prepared(policy)
    with torch.no_grad():
        for index, parameter in enumerate(policy.parameters()):
            parameter.add_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index)), alpha=0.1
            )
        expected = policy.evaluate(inputs)
    policy.save(tmp_path)
    other = make(**settings)
    assert not torch.equal(other.evaluate(inputs).values, expected.values)
    other.load(tmp_path)
    beside = LanguageModelPolicy(*load_model(tmp_path), other.config)
    beside.load_beside(tmp_path)
    for restored in (other, beside):
        with torch.no_grad():
            actual = restored.evaluate(inputs)
        assert torch.equal(actual.values, expected.values)
        assert torch.equal(actual.log_probabilities, expected.log_probabilities)
    if not settings.get("action_choice"):
        scores = score_actions(*load_model(tmp_path), [situation(goal).prompt for goal in GOALS], ACTIONS)
        torch.testing.assert_close(scores.log_softmax(-1), expected.log_probabilities)


def test_another_models_checkpoint_is_one_line(tmp_path):
    make("t5-nano").save(tmp_path)
    with pytest.raises(UserError, match="holds another model"):
        make("t5-pico").load(tmp_path)


def test_lora_changes_nothing_until_trained_and_trains_adapters_alone():
    plain, adapted = make(), make(lora=LoraConfig(rank=2))
    inputs = prepared(plain)
    torch.testing.assert_close(adapted.evaluate(inputs).values, plain.evaluate(inputs).values)
    assert adapted.evaluate(inputs).log_probabilities.requires_grad
    names = {name for name, p in adapted.model.named_parameters() if p.requires_grad}
    assert names and all("lora_" in name for name in names)
    with pytest.raises(UserError, match="named nothing"):
        make(lora=LoraConfig(targets=("nothing",)))


def test_gradient_checkpointing_gives_the_same_gradients():
    gradients = []
    for checkpointing in (False, True):
        policy = make("t5-nano", gradient_checkpointing=checkpointing)
        output = policy.evaluate(prepared(policy))
        gradients.append(
            torch.autograd.grad(output.log_probabilities[:, 0].sum(), list(policy.model.parameters()))
        )
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, checkpointed)


def test_bfloat16_is_close_and_keeps_float32_masters():
    exact = make("t5-nano")
    policy = LanguageModelPolicy(
        copy.deepcopy(exact.model), exact.tokenizer, PolicyConfig(precision="bfloat16", head_hidden=32)
    )
    output = policy.evaluate(prepared(policy))
    assert output.log_probabilities.dtype == torch.float32
    torch.testing.assert_close(
        output.log_probabilities, exact.evaluate(prepared(exact)).log_probabilities, rtol=0.05, atol=0.02
    )
    output.log_probabilities[:, 0].sum().backward()
    assert all(p.grad.dtype == torch.float32 for p in policy.model.parameters())


def test_too_many_actions_for_the_head():
    policy = make(action_choice="head", actions_count=3)
    with pytest.raises(UserError, match="6 actions for a policy of 3"):
        policy.evaluate(prepared(policy))


def test_unknown_settings_are_one_line():
    with pytest.raises(
        UserError, match="trainable = 'everything': input should be 'all', 'decoder' or 'heads'"
    ):
        PolicyConfig.parse({"trainable": "everything"}, "test")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_policies_give_the_same_numbers():
    plain, compiled = make("t5-nano"), make("t5-nano", compile=True)
    for count in (1, 3, 4):
        inputs = prepared(plain)[:count]
        expected, actual = plain.evaluate(inputs), compiled.evaluate(inputs)
        torch.testing.assert_close(actual.log_probabilities, expected.log_probabilities)
