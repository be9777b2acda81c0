"""Decoder-only models as agents: by scoring and by head, with and without LoRA, trained and resumed."""

import sys

import peft
import pytest
import torch
from plain_scoring import plain_scores
from tiny_models import byte_level_tokenizer, causal

from glam_eval.config.policy import LoraConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.policies import load_model, score_actions
from glam_eval.policies.models.adapters import add_adapters
from glam_eval.training.agents import build_policy
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.run import TrainingRun

LORA = {"rank": 2, "alpha": 4, "targets": ["q_proj", "v_proj"]}


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    directory = tmp_path_factory.mktemp("llama")
    tokenizer = byte_level_tokenizer()
    causal("llama", len(tokenizer)).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return str(directory)


def run_of(agent, model, lora=None):
    values = {
        "agent": agent,
        "model": model,
        "frames": 32,
        "environment": {"level": "GoToLocalS5N2", "remembered": 1},
        "policy": {"head_hidden": 8, "lora": lora},
        "learner": {"preset": "small", "environments": 4, "steps": 4, "minibatch": 8},
    }
    return RunConfig.parse(values, "test")


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
@pytest.mark.parametrize("agent", ["gflan", "aflan"])
def test_trained_and_resumed(llama, tmp_path, agent, lora):
    config = run_of(agent, llama, lora)
    straight = TrainingRun(config)
    before = {name: p.detach().clone() for name, p in straight.policy.model.named_parameters()}
    straight.advance()
    changed = {n for n, p in straight.policy.model.named_parameters() if not torch.equal(p, before[n])}
    assert changed
    if lora:
        assert all("lora_" in name and ("q_proj" in name or "v_proj" in name) for name in changed)
    store = CheckpointStore(tmp_path)
    store.write(straight.frames, straight.save, straight.state())
    resumed = TrainingRun(config, resume=store.latest())
    assert resumed.advance().policy_loss == straight.advance().policy_loss
    for ours, theirs in zip(resumed.policy.parameters(), straight.policy.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_targets_that_do_not_exist_are_one_clear_line(llama):
    with pytest.raises(UserError, match="no layers of the model are named elsewhere"):
        TrainingRun(run_of("gflan", llama, {"targets": ["elsewhere"]}))


def as_trained(run_config, store_directory):
    run = TrainingRun(run_config)
    run.advance()
    store = CheckpointStore(store_directory)
    store.write(run.frames, run.save, run.state())
    return run, store.latest()


def test_a_checkpoint_of_adapters_is_one_of_pefts(llama, tmp_path):
    """`peft` itself loads it onto the model, and scores as the agent does; the model isn't in it."""
    config = run_of("gflan", llama, {"rank": 4, "rank_stabilized": True})
    run, checkpoint = as_trained(config, tmp_path)
    assert not list(checkpoint.directory.glob("model*"))
    base, tokenizer = load_model(llama)
    adapted = peft.PeftModel.from_pretrained(base, checkpoint.directory).eval()
    assert adapted.peft_config["default"].use_rslora
    prompts, actions = ["go to the red ball", "go to a key"], ["turn left", "drop"]
    expected = score_actions(run.policy.model, tokenizer, prompts, actions)
    torch.testing.assert_close(plain_scores(adapted, tokenizer, prompts, actions), expected)
    torch.testing.assert_close(score_actions(*load_model(checkpoint.directory), prompts, actions), expected)
    before = score_actions(*load_model(llama), prompts, actions)
    assert not torch.allclose(before, expected, atol=1e-4)


def test_without_peft_a_checkpoint_acts_the_same_and_refuses_to_learn(llama, tmp_path, monkeypatch):
    config = run_of("gflan", llama, {"rank": 2})
    run, checkpoint = as_trained(config, tmp_path)
    situations = run._actors.situations()
    with torch.no_grad():
        expected = run.policy.evaluate([run.policy.prepare(each) for each in situations])
    monkeypatch.setitem(sys.modules, "peft", None)
    policy = build_policy(config, 6, checkpoint=checkpoint.directory)
    with torch.no_grad():
        actual = policy.evaluate([policy.prepare(each) for each in situations])
    torch.testing.assert_close(actual.log_probabilities, expected.log_probabilities, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(actual.values, expected.values, rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="needs the package peft"):
        TrainingRun(config, resume=checkpoint)


def test_adapters_of_another_rank_are_one_line(llama, tmp_path):
    _, checkpoint = as_trained(run_of("gflan", llama, {"rank": 2}), tmp_path)
    policy = build_policy(run_of("gflan", llama, {"rank": 3}), 6)
    with pytest.raises(UserError, match=r"other adapters than the run's policy\.lora describes"):
        policy.load(checkpoint.directory)


@pytest.mark.parametrize(
    ("kind", "targets", "adapted"),
    [
        ("llama", "all-linear", "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj"),
        ("llama", "attention", "q_proj k_proj v_proj o_proj"),
        ("gpt2", "all-linear", "c_attn c_proj c_fc"),
        ("gpt_neox", "attention", "query_key_value dense"),
        ("phi3", "all-linear", "qkv_proj o_proj gate_up_proj down_proj"),
        ("opt", ("q_proj",), "q_proj"),
    ],
)
def test_layers_are_adapted_by_family(kind, targets, adapted):
    model = causal(kind, 40)
    add_adapters(model, LoraConfig(rank=2, targets=targets), seed=0)
    names = {name.split(".lora_A")[0].rpartition(".")[2] for name in model.state_dict() if "lora_A" in name}
    assert names == set(adapted.split())


def test_heads_learn_at_a_rate_of_their_own(llama):
    config = run_of("gflan", llama)
    policies = []
    for learner in ({}, {"heads_learning_rate": 1e-9}, {"learning_rate": 1e-9, "heads_learning_rate": 1e-3}):
        values = config.learner.model_dump() | learner
        run = TrainingRun(config.model_copy(update={"learner": type(config.learner)(**values)}))
        before = [p.detach().clone() for p in run.policy.parameters()]
        run.advance()
        moved = [
            float((p - q).detach().abs().max()) for p, q in zip(run.policy.parameters(), before, strict=True)
        ]
        heads = len(list(run.policy.heads.parameters()))
        policies.append((max(moved[:-heads]) > 1e-6, max(moved[-heads:]) > 1e-6))
    assert policies == [(True, True), (True, False), (False, True)]
