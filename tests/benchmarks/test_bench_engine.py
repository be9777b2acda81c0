"""The engine's bench: rivals do the same work, and its record is complete."""

import math

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from glam_eval.benchmarks import engine
from glam_eval.benchmarks.rival_engines import padded_evaluate, plain_evaluate
from glam_eval.policies.models import estimate
from glam_eval.policies.models.shapes import EMBEDDED
from glam_eval.policies.models.tokenizer import embedded_tokenizer


@pytest.mark.parametrize("evaluate", [plain_evaluate, padded_evaluate])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.03)])
def test_what_the_engine_is_compared_with_does_the_same_work(evaluate, precision, tolerance):
    policy = engine.make_policy(EMBEDDED["t5-pico"], precision, "cpu")
    prompts = engine.make_prompts(5, 1000)
    ours, theirs = policy.evaluate(prompts), evaluate(policy, prompts)
    torch.testing.assert_close(ours.log_probabilities, theirs.log_probabilities, rtol=tolerance, atol=0)
    torch.testing.assert_close(ours.values, theirs.values, rtol=tolerance, atol=tolerance)
    parameters = list(policy.parameters())
    gradients = [
        torch.autograd.grad(output.log_probabilities[:, 0].sum() + output.values.sum(), parameters)
        for output in (ours, theirs)
    ]
    scale = max(float(gradient.norm()) for gradient in gradients[1])
    for one, two in zip(*gradients, strict=True):
        assert float((one - two).norm()) <= tolerance * scale


def test_a_directorys_own_model_is_measured_and_its_plain_rival_does_the_same_work(tmp_path, monkeypatch):
    tokenizer = embedded_tokenizer()
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    policy = engine.load_policy(str(tmp_path), "float32", "cpu")
    prompts = engine.make_prompts(5, 1000)
    with torch.no_grad():
        ours, theirs = policy.evaluate(prompts), plain_evaluate(policy, prompts)
    torch.testing.assert_close(ours.log_probabilities, theirs.log_probabilities, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.values, theirs.values, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr(engine, "matrix_rate", lambda *_, **__: 2e11)
    for name, count in (("SCORED", 2), ("UPDATED", 4), ("COMPARED_BATCH", 2)):
        monkeypatch.setattr(engine, name, count)
    record = engine.measure_engine(str(tmp_path), repeats=1)
    assert record.plain_score_rate > 0 and 0 < record.score_fraction < 1
    assert math.isnan(record.padded_score_rate)


def test_measurement_is_complete(monkeypatch):
    monkeypatch.setattr(engine, "matrix_rate", lambda *_, **__: 2e11)
    record = engine.measure_engine("t5-pico", repeats=1)
    assert min(record.plain_score_rate, record.plain_update_rate) > 0
    assert min(record.padded_score_rate, record.padded_update_rate) > 0
    assert record.matrix_rate == 2e11
    flops = estimate.forward_flops(EMBEDDED["t5-pico"], 240, 6)
    assert record.score_fraction == pytest.approx(record.score_rate * flops / 2e11, rel=0.05)
    assert record.update_fraction == pytest.approx(3 * record.update_rate * flops / 2e11, rel=0.05)
    assert record.peak_memory > 100e6
