"""Attention in bfloat16, its backward pass by hand, and norms in one pass: torch's own as reference."""

import pytest
import torch
import torch.nn.functional as F
from tiny_models import causal

from glam_eval.core.compiling import kernels
from glam_eval.policies.scoring.decoder_only.half_attention import attend
from glam_eval.policies.scoring.scores import make_scorer
from glam_eval.policies.scoring.tree import Actions


def gradients(attention, tensors, mask, scale, by):
    inputs = [each.clone().requires_grad_() for each in tensors]
    output = attention(*inputs, mask, scale)
    return output.detach(), torch.autograd.grad(output, inputs, by.to(output.dtype))


def torchs(queries, keys, values, mask, scale):
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scale)


def cases(count):
    """Attention of few to many queries and keys, half of which are hidden."""
    for seed in range(count):
        draw = torch.Generator().manual_seed(seed)
        blocks, heads, queries, keys = (
            int(torch.randint(1, most, (), generator=draw)) for most in (5, 4, 21, 21)
        )
        shapes = [(blocks, heads, length, 16) for length in (queries, keys, keys, queries)]
        *tensors, by = (torch.randn(shape, generator=draw).bfloat16() for shape in shapes)
        hidden = torch.rand((blocks, 1, queries, keys), generator=draw) < 0.5
        hidden[..., 0] = False
        yield tensors, torch.zeros(hidden.shape).masked_fill_(hidden, -torch.inf), by


def test_its_gradients_are_nearly_as_exact_as_torchs():
    errors = {attend: 0.0, torchs: 0.0}
    for tensors, mask, by in cases(150):
        output, exact = gradients(torchs, [each.float() for each in tensors], mask, 0.3, by)
        for attention in errors:
            mixed, found = gradients(attention, tensors, mask.bfloat16(), 0.3, by)
            assert mixed.dtype == torch.bfloat16
            torch.testing.assert_close(mixed.float(), output, rtol=0.02, atol=0.02)
            for one, two in zip(found, exact, strict=True):
                error = float((one.float() - two).norm()) / max(1.0, float(two.norm()))
                assert error < 0.03
                errors[attention] += error
    assert errors[attend] < 1.5 * errors[torchs]


def test_float32_is_left_to_torch():
    tensors = [torch.randn(1, 1, 3, 4) for _ in range(3)]
    mask, by = torch.zeros(1, 1, 3, 3), torch.randn(1, 1, 3, 4)
    (mine, ours), (other, theirs) = (gradients(each, tensors, mask, 0.5, by) for each in (attend, torchs))
    assert torch.equal(mine, other) and all(map(torch.equal, ours, theirs))


@pytest.mark.skipif(kernels() != "compiled", reason="without a compiler norms are transformers' own")
@pytest.mark.parametrize(("kind", "fast"), [("llama", 5), ("qwen2", 5), ("gemma2", 0), ("gpt2", 0)])
def test_norms_that_are_not_llamas_are_left_alone(kind, fast):
    """Gemma adds one to its weight, GPT-2 subtracts the mean: neither is what the kernel computes."""
    model = causal(kind, 12)
    before = {id(module): module.forward for module in model.modules()}
    make_scorer(model, "sum").run([torch.tensor([1, 2]).int().numpy()], [Actions(((1,),), (1,))])
    changed = [m for m in model.modules() if "Norm" in type(m).__name__ and m.forward != before[id(m)]]
    assert len(changed) == fast
    states = torch.randn(2, 3, len(changed[0].weight)) if changed else None
    for norm in changed:
        assert torch.equal(norm(states), before[id(norm)](states))
