"""Linear layers in a pass over a tree: together each is what it is alone, by its weights of now."""

import numpy as np
import pytest
import torch
from tiny_models import adapted, causal

from glam_eval.policies.scoring.decoder_only.linear import LinearTogether
from glam_eval.policies.scoring.decoder_only.lora import AdaptedTogether
from glam_eval.policies.scoring.scores import make_scorer
from glam_eval.policies.scoring.tree import Actions

VOCABULARY = 12
BATCH = (
    [np.array([1, 2, 3, *[4] * n], dtype=np.int32) for n in range(3)],
    [Actions(((5, 6), (7,)), (1, 1))] * 3,
)


@pytest.mark.parametrize("learns", [False, True])
def test_weights_in_bfloat16_are_the_models_after_every_change(learns):
    """Adam's fused step leaves no trace in a weight's version: a copy of what learns would grow stale."""
    model = causal("llama", VOCABULARY, initializer_range=0.05).requires_grad_(learns)
    adam = torch.optim.Adam(model.parameters(), lr=0.5, fused=True) if learns else None
    scorer, last = make_scorer(model, "sum", half=True), None
    for _ in range(3):
        other = causal("llama", VOCABULARY)
        other.load_state_dict(model.state_dict())
        with torch.no_grad():
            scores = [scorer.run(*BATCH)[0] for _ in range(2)]
            fresh = make_scorer(other, "sum", half=True).run(*BATCH)[0]
        assert torch.equal(scores[0], fresh) and torch.equal(scores[1], fresh)
        assert last is None or not torch.allclose(fresh, last, atol=1e-3)
        last = fresh
        for weight in model.parameters():
            change = torch.randn_like(weight)
            if learns:
                weight.grad = change
            else:
                with torch.no_grad():
                    weight.add_(0.1 * change)
        if learns:
            adam.step()


@pytest.mark.parametrize("kind", ["llama", "qwen2"])  # without biases and with
@pytest.mark.parametrize("names", [("v_proj",), ("q_proj", "v_proj"), ("q_proj", "k_proj", "v_proj")])
def test_layers_together_in_bfloat16_are_each_as_exact_as_alone(kind, names):
    """Outputs and gradients of states, weights and biases, beside the layers under autocast, by float32."""
    block = next(each for each in causal(kind, VOCABULARY).modules() if hasattr(each, "q_proj"))
    layers = [getattr(block, name) for name in names]
    layers[-1].weight.requires_grad_(len(layers) != 2)  # one that doesn't learn beside one that does
    learned = [each for layer in layers for each in layer.parameters() if each.requires_grad]
    states = torch.randn(2, 40, layers[0].in_features, requires_grad=True)
    seeds = [torch.randn(2, 40, layer.out_features) for layer in layers]
    found = [[layer(states) for layer in layers], LinearTogether(layers)(states, torch.bfloat16)]
    with torch.autocast("cpu", torch.bfloat16):
        found.append([layer(states) for layer in layers])
    exact, ours, theirs = (
        [*outputs, *torch.autograd.grad(outputs, [states, *learned], [each.to(outputs[0]) for each in seeds])]
        for outputs in found
    )
    assert len(exact) == len(layers) + 1 + len(learned)
    for truth, mine, autocasts in zip(exact, ours, theirs, strict=True):
        assert mine.dtype == autocasts.dtype
        errors = [
            float((each.float() - truth).detach().norm() / truth.detach().norm())
            for each in (mine, autocasts)
        ]
        assert errors[0] < 1.1 * errors[1] < 0.01


@pytest.mark.parametrize("kind", ["llama", "qwen2"])  # without biases and with
@pytest.mark.parametrize("names", [("q_proj",), ("q_proj", "v_proj"), ("q_proj", "k_proj", "v_proj")])
def test_adapted_layers_together_are_each_pefts(kind, names):
    """Outputs and all gradients, beside peft's own layers asked one by one."""
    model, _ = adapted(kind, VOCABULARY, 0.3)
    block = next(each for each in model.modules() if hasattr(each, "q_proj"))
    layers = [getattr(block, name) for name in names]
    learned = [each for layer in layers for each in layer.parameters() if each.requires_grad]
    states = torch.randn(2, 5, layers[0].base_layer.in_features, requires_grad=True)
    found = [AdaptedTogether(layers)(states, torch.float32), [layer(states) for layer in layers]]
    seeds = [torch.randn_like(each) for each in found[0]]
    gradients = [torch.autograd.grad(outputs, [states, *learned], seeds) for outputs in found]
    for ours, theirs in zip((*found[0], *gradients[0]), (*found[1], *gradients[1]), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
