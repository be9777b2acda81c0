"""A whole encoder layer in one compiled call gives what torch's operations do, and the same gradients."""

import numpy as np
import pytest
import torch

from glam_eval.core.compiling import kernels
from glam_eval.policies.bench import make_policy
from glam_eval.policies.models.shapes import T5Shape
from glam_eval.policies.scoring.kernels import native
from glam_eval.policies.scoring.packing import pack

LENGTHS = [1, 3, 11, 12, 13, 16, 31, 33, 97, 150, 150]


@pytest.fixture(autouse=True)
def _compiled():
    if kernels() == "torch":
        pytest.skip("there is no C compiler")


def encoded(engine, keep=True):
    """The states of prompts of many lengths, and the gradients of all weights of the encoder."""
    generator = np.random.default_rng(0)
    prompts = [generator.integers(3, 60, length).astype(np.int32) for length in LENGTHS]
    with torch.set_grad_enabled(keep):
        states = engine.encode(pack(prompts, torch.device("cpu"), 0.0))
    parameters = [*engine.model.encoder.parameters()]
    upper = torch.linspace(-1, 1, states.numel()).view(states.shape).sin()
    return states, torch.autograd.grad((states * upper).sum(), parameters) if keep else ()


def assert_close(ours, expected):
    for one, two in zip(ours, expected, strict=True):
        difference = float((one - two).detach().norm())
        assert difference <= 2e-5 * float(two.detach().norm())


@pytest.mark.parametrize(
    "shape",
    [T5Shape(32, 8, 4, 64, 1, 60), T5Shape(64, 16, 4, 128, 2, 60), T5Shape(48, 64, 2, 16, 1, 60)],
    ids=["narrow heads", "two layers", "wide heads"],
)
def test_a_compiled_layer_is_one_in_torchs_operations(shape, monkeypatch):
    engine = make_policy(shape, "float32", "cpu")._scorer.engine
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in engine.model.encoder.named_parameters():
            if "layer_norm" in name:  # all 1 otherwise
                weight += 0.5 * torch.rand(weight.shape, generator=generator)
    calls = []
    run = native._run
    monkeypatch.setattr(native, "_run", lambda name, *rest: calls.append(name) or run(name, *rest))
    (states, gradients), (silent, _) = encoded(engine), encoded(engine, keep=False)
    assert calls.count("encoder_layer_backward") == shape.layers
    assert calls.count("encoder_layer_forward") == 2 * shape.layers
    assert torch.equal(states, silent)
    monkeypatch.setattr(native, "usable", lambda *_: False)
    expected = encoded(engine)
    assert_close([states, *gradients], [expected[0], *expected[1]])


def test_a_compiled_layer_on_many_threads_is_one_on_one():
    engine = make_policy(T5Shape(32, 16, 2, 64, 2, 60), "float32", "cpu")._scorer.engine
    alone = encoded(engine)
    torch.set_num_threads(3)
    try:
        together, again = encoded(engine), encoded(engine)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(together[0], alone[0])
    assert_close(together[1], alone[1])
    assert all(torch.equal(one, two) for one, two in zip(together[1], again[1], strict=True))


def test_a_layer_whose_widths_are_no_whole_vectors_is_left_to_torch(monkeypatch):
    engine = make_policy(T5Shape(24, 8, 3, 40, 1, 60), "float32", "cpu")._scorer.engine
    monkeypatch.setattr(native, "encoder_layer_forward", None)
    assert encoded(engine)[0].isfinite().all()
