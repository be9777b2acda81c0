"""The engine's bench: rivals do the same work, and its record is complete."""

import pytest
import torch

from glam_eval.benchmarks import engine
from glam_eval.benchmarks.rival_engines import padded_evaluate, plain_evaluate
from glam_eval.policies.models import estimate
from glam_eval.policies.models.shapes import EMBEDDED


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
