"""Decoder-only models as agents: by scoring and by head, with and without LoRA, trained and resumed."""

import pytest
import torch
from tiny_models import byte_level_tokenizer, causal

from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
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
