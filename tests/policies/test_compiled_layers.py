"""A whole layer in one compiled call gives what torch's operations do, and the same gradients."""

import numpy as np
import pytest
import torch

from glam_eval.benchmarks.engine import make_policy
from glam_eval.policies.models.shapes import T5Shape
from glam_eval.policies.scoring.kernels.choice import TorchKernels
from glam_eval.policies.scoring.kernels.native import layers
from glam_eval.policies.scoring.kernels.native.library import library
from glam_eval.policies.scoring.packing import pack
from glam_eval.policies.scoring.tree import Actions, build_tree, stack_trees

LENGTHS = [1, 3, 11, 12, 13, 16, 31, 33, 97, 150, 150]
TREES = [
    ((7,),),
    ((5, 6), (5, 7), (8, 9), (10,), (5, 6, 7)),
    tuple((k, 3 + k % 4, 9, 4 + k, 20 + k) for k in range(9)),
]


@pytest.fixture(autouse=True)
def _compiled():
    if library() is None:
        pytest.skip("there is no C compiler")


def make_engine(shape):
    """A model whose norms' weights are not all 1."""
    engine = make_policy(shape, "float32", "cpu")._scorer.engine
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in engine.model.named_parameters():
            if "layer_norm" in name:
                weight += 0.5 * torch.rand(weight.shape, generator=generator)
    return engine


def make_trees(shared):
    """One tree for all prompts, or trees of 1 to 37 nodes."""
    lists = [TREES[1]] * len(LENGTHS) if shared else [TREES[k % 3] for k in range(len(LENGTHS))]
    return stack_trees([build_tree(Actions(each, (1,) * len(each)), 0) for each in lists])


def computed(engine, trees=None, keep=True):
    """The states of prompts of many lengths, or of trees behind them, and the gradients of all weights."""
    generator = np.random.default_rng(0)
    prompts = [generator.integers(3, 60, length).astype(np.int32) for length in LENGTHS]
    packed = pack(prompts, torch.device("cpu"), 0.0)
    with torch.set_grad_enabled(keep):
        states = engine.encode(packed) if trees is None else engine(packed, trees)
    model = engine.model
    parameters = [*model.encoder.parameters(), *(() if trees is None else model.decoder.parameters())]
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
@pytest.mark.parametrize("shared", [None, True, False], ids=["encoder", "one tree", "trees"])
def test_compiled_layers_are_those_in_torchs_operations(shape, shared, monkeypatch):
    engine = make_engine(shape)
    trees = None if shared is None else make_trees(shared)
    calls = []
    run = layers.run
    monkeypatch.setattr(layers, "run", lambda name, *rest: calls.append(name) or run(name, *rest))
    (states, gradients), (silent, _) = computed(engine, trees), computed(engine, trees, keep=False)
    for part in ("encoder", "decoder") if trees else ("encoder",):
        assert calls.count(f"{part}_layer_backward") == shape.layers
        assert calls.count(f"{part}_layer_forward") == 2 * shape.layers
    assert torch.equal(states, silent)
    engine.kernels = TorchKernels()
    expected = computed(engine, trees)
    assert_close([states, *gradients], [expected[0], *expected[1]])


@pytest.mark.parametrize("shared", [None, True, False], ids=["encoder", "one tree", "trees"])
def test_compiled_layers_on_many_threads_are_those_on_one(shared):
    engine = make_engine(T5Shape(32, 16, 2, 64, 2, 60))
    trees = None if shared is None else make_trees(shared)
    alone = computed(engine, trees)
    torch.set_num_threads(3)
    try:
        together, again = computed(engine, trees), computed(engine, trees)
    finally:
        torch.set_num_threads(1)
    assert torch.equal(together[0], alone[0])
    assert_close(together[1], alone[1])
    assert all(torch.equal(one, two) for one, two in zip(together[1], again[1], strict=True))


def test_layers_whose_widths_are_no_whole_vectors_are_left_to_torch(monkeypatch):
    engine = make_engine(T5Shape(24, 8, 3, 40, 1, 60))
    monkeypatch.setattr(layers, "run", None)
    assert computed(engine, make_trees(True))[0].isfinite().all()
