"""Frozen layers in 8 and 4 bits: what they weigh, how far off they are, scores as exact as whole ones'."""

import sys

import pytest
import torch
from plain_scoring import plain_scores
from safetensors.torch import load_file
from tiny_models import byte_level_tokenizer, causal, sentencepiece_style_tokenizer, t5
from torch import nn

from glam_eval.config.policy import LoraConfig, PolicyConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.policies import score_actions
from glam_eval.policies.models import quantization
from glam_eval.policies.models.quantization import QuantizedLinear, quantize
from glam_eval.training.checkpoints import CheckpointStore
from glam_eval.training.run import TrainingRun

KINDS = ["8bit", "4bit"]
PROMPTS = [
    "Goal: go to the red ball. Action: ",
    "Goal: pick up a key. Action: ",
    "Goal: go to the red ball. You see",
]
ACTIONS = ["turn left", "turn right", "go forward"]


@pytest.fixture(autouse=True)
def _package():
    pytest.importorskip("bitsandbytes", reason="quantised weights are bitsandbytes'")


@pytest.mark.parametrize(("kind", "off", "bytes_each"), [("8bit", 0.02, 1.07), ("4bit", 0.17, 0.57)])
def test_a_layer_is_as_small_and_as_close_as_its_bits_allow(kind, off, bytes_each):
    torch.manual_seed(0)
    whole = nn.Linear(512, 256)
    layer = QuantizedLinear(whole, kind)
    held = sum(each.numel() * each.element_size() for each in (layer.codes, layer.scales))
    assert held <= bytes_each * whole.weight.numel()
    error = (layer.weight - whole.weight).abs().view(-1, 64)
    assert (error.amax(1) <= off * whole.weight.view(-1, 64).abs().amax(1)).all()
    assert error.max() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_products_and_gradients_are_those_of_the_weight_it_stands_for(kind):
    torch.manual_seed(0)
    layer = QuantizedLinear(nn.Linear(96, 40), kind)
    same = nn.Linear(96, 40)
    same.load_state_dict({"weight": layer.weight, "bias": layer.bias})
    states = torch.randn(3, 5, 96)
    for half in (False, True):
        found = []
        for each in (layer, same):
            given = states.clone().requires_grad_()
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                (each(given) ** 2).sum().backward()
            found.append(given.grad)
        torch.testing.assert_close(*found, rtol=0.02 if half else 1e-5, atol=0.05 if half else 1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["llama", "t5"])
def test_packed_scores_are_those_of_a_plain_loop_over_the_same_model(family, kind):
    """Arithmetic in 8 bits would not do: there a prompt's scores depend on the batch around it."""
    tokenizer = byte_level_tokenizer() if family == "llama" else sentencepiece_style_tokenizer()
    model = causal("llama", len(tokenizer)) if family == "llama" else t5()
    before = score_actions(model, tokenizer, PROMPTS, ACTIONS)
    quantize(model, kind)
    after = score_actions(model, tokenizer, PROMPTS, ACTIONS)
    with torch.no_grad():
        assert torch.allclose(after, plain_scores(model, tokenizer, PROMPTS, ACTIONS), atol=1e-5)
    assert not torch.allclose(before, after, atol=1e-5)
    linear = [each for each in model.modules() if type(each) is nn.Linear]
    assert linear == [model.get_output_embeddings()]


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_over_quantised_weights_learn_and_resume_exactly(tmp_path, kind):
    tokenizer = byte_level_tokenizer()
    for each in (causal("llama", len(tokenizer)), tokenizer):
        each.save_pretrained(tmp_path / "model")
    values = {
        "agent": "gflan",
        "model": str(tmp_path / "model"),
        "frames": 32,
        "environment": {"level": "GoToLocalS5N2", "remembered": 1},
        "policy": {"head_hidden": 8, "lora": {"rank": 2}, "quantization": kind},
        "learner": {"preset": "small", "environments": 4, "steps": 4, "minibatch": 8},
    }
    config = RunConfig.parse(values, "test")
    straight = TrainingRun(config)
    codes = {name: each.clone() for name, each in straight.policy.model.named_buffers() if "codes" in name}
    straight.advance()
    assert codes and all(torch.equal(straight.policy.model.get_buffer(name), codes[name]) for name in codes)
    store = CheckpointStore(tmp_path / "checkpoints")
    store.write(straight.frames, straight.save, straight.state())
    for file in store.latest().directory.glob("*.safetensors"):
        assert all("lora_" in name or name.startswith("heads.") for name in load_file(file)), file
    resumed = TrainingRun(config, resume=store.latest())
    assert resumed.advance().policy_loss == straight.advance().policy_loss
    ours, theirs = (dict(run.policy.model.state_dict()) for run in (resumed, straight))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_without_the_package_it_is_refused_in_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UserError, match=r"needs the package bitsandbytes: pip install"):
        quantization.quantize(causal("llama", 64), "8bit")


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({}, "quantised weights don't learn: give adapters by lora"),
        ({"lora": LoraConfig(), "weights": "random"}, "quantization is for pretrained weights"),
        ({"lora": LoraConfig(), "sharded": True, "devices": 2}, "quantised weights are not shared out"),
    ],
)
def test_what_quantised_weights_cannot_do_is_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        PolicyConfig(quantization="4bit", **settings)
