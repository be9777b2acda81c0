"""Hand-written kernels and their gradients against the same formulas left to autograd."""

import pytest
import torch
import torch.nn.functional as F

from glam_eval.core.compiling import kernels
from glam_eval.policies.scoring.kernels import activations, native
from glam_eval.policies.scoring.kernels.cross_attention import CrossAttention
from glam_eval.policies.scoring.kernels.norms import rms_norm
from glam_eval.policies.scoring.kernels.self_attention import PositionBias, self_attention
from glam_eval.policies.scoring.packing import Group

HEADS = 3


@pytest.fixture(params=["compiled", "torch"], autouse=True)
def _kernels(request, monkeypatch):
    """Every test runs on both kinds of kernels."""
    if request.param == "torch":
        monkeypatch.setattr(native, "usable", lambda *_: False)
    elif kernels() == "torch":
        pytest.skip("there is no C compiler")
    else:
        assert native.usable(torch.zeros(1))


def groups(*runs):
    """Groups of (count, length) prompts, end to end."""
    made, token, prompt = [], 0, 0
    for count, length in runs:
        tokens, prompts = slice(token, token + count * length), slice(prompt, prompt + count)
        made.append(Group(tokens, prompts, count, length, None))
        token, prompt = tokens.stop, prompts.stop
    return made


def leaf(*shape, scale=1.0):
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))) * scale).requires_grad_()


def assert_same_with_gradients(ours, expected, leaves, tolerance):
    weights = torch.linspace(-1, 1, expected.numel()).view(expected.shape)
    torch.testing.assert_close(ours.float(), expected, rtol=tolerance, atol=tolerance)
    for one, two in zip(
        torch.autograd.grad((ours.float() * weights).sum(), leaves),
        torch.autograd.grad((expected * weights).sum(), leaves),
        strict=True,
    ):
        assert float((one - two).norm()) <= tolerance * max(0.1, float(two.norm()))


@pytest.mark.parametrize("columns", [6, 16, 37])
@pytest.mark.parametrize("rows", [1, 130])
def test_rms_norm(rows, columns):
    hidden = leaf(rows, columns, scale=3.0)
    expected = hidden * (hidden.square().mean(1, keepdim=True) + 1e-6).rsqrt()
    assert_same_with_gradients(rms_norm(hidden, 1e-6), expected, [hidden], 1e-5)


@pytest.mark.parametrize("columns", [32, 2 * 23])
@pytest.mark.parametrize("rows", [3, activations.CHUNK // 16 * 2 + 5])
def test_gated_gelu_in_any_number_of_chunks(rows, columns):
    inner = leaf(rows, columns, scale=2.0)
    gate, linear = inner.chunk(2, dim=1)
    expected = F.gelu(gate, approximate="tanh") * linear
    assert_same_with_gradients(activations.gated_activation(inner, None, "gelu_new"), expected, [inner], 1e-5)


def test_gated_gelu_far_from_zero_stays_finite():
    gate = torch.tensor([[-200.0, -90.0, 90.0, 200.0]])
    inner = torch.cat([gate, torch.ones_like(gate)], dim=1).requires_grad_()
    activated = activations.gated_activation(inner, None, "gelu_new")
    torch.testing.assert_close(activated, gate.clamp(min=0))
    (gradient,) = torch.autograd.grad(activated.sum(), inner)
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0, 1, 1, 0, 0, 90, 200]]))


def plain_attention(projected, bias, parts):
    attended = []
    for part in parts:
        query, key, value = part.split(projected).permute(2, 0, 3, 1, 4)
        offsets = torch.arange(part.length)[None, :] - torch.arange(part.length)[:, None] + bias.shape[1] // 2
        scores = query @ key.transpose(2, 3) + bias[:, offsets]
        attended.append((scores.softmax(-1) @ value).transpose(1, 2).flatten(2).flatten(0, 1))
    return torch.cat(attended)


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
@pytest.mark.parametrize("width", [8, 16, 40, 64])
@pytest.mark.parametrize(
    "runs", [[(1, 1)], [(1, 20)], [(5, 4), (1, 9), (2, 12)], [(2, 260), (1, 261)]], ids=str
)
def test_self_attention_of_prompts_of_any_lengths(runs, width, kind, tolerance):
    parts = groups(*runs)
    tokens, longest = parts[-1].tokens.stop, parts[-1].length
    projected, bias = leaf(tokens, 3, HEADS, width, scale=width**-0.25), leaf(HEADS, 2 * longest - 1)
    expected = plain_attention(projected, bias, parts)
    ours = self_attention(projected.to(kind), PositionBias(bias), parts)
    assert ours.dtype == kind
    assert_same_with_gradients(ours, expected, [projected, bias], tolerance)


def test_self_attention_of_large_scores_and_of_none():
    parts = groups((1, 40))
    projected, bias = leaf(40, 3, HEADS, 16, scale=30.0), torch.zeros(HEADS, 79)
    ours = self_attention(projected, PositionBias(bias), parts)
    torch.testing.assert_close(ours, plain_attention(projected, bias, parts), rtol=1e-4, atol=1e-4)
    spoilt = projected.detach().clone()
    spoilt[3, 0] = torch.nan
    attended = self_attention(spoilt, PositionBias(bias), parts)
    assert attended[3].isnan().all()
    assert attended[[2, 4]].isfinite().all()


@pytest.mark.parametrize("threads", [2, 5])
def test_kernels_on_many_threads_give_what_they_do_on_one(threads):
    parts = groups((1, 30), (1, 41))

    def results():
        projected, bias = leaf(71, 3, HEADS, 16), leaf(HEADS, 81)
        attended = self_attention(projected, PositionBias(bias), parts)
        normed = rms_norm(attended, 1e-6)
        activated = activations.gated_activation(normed, None, "gelu_new")
        return [activated, *torch.autograd.grad(activated.square().sum(), [projected, bias])]

    alone = results()
    torch.set_num_threads(threads)
    try:
        together = results()
    finally:
        torch.set_num_threads(1)
    for one, two in zip(alone, together, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("runs", [[(3, 7)], [(2, 3), (1, 5), (3, 6)]], ids=["equal", "unequal"])
def test_cross_attention_of_prompts_of_any_lengths(runs):
    parts = groups(*runs)
    encoded, queries = leaf(parts[-1].tokens.stop, 8), leaf(parts[-1].prompts.stop, 5, 8)
    states = [state for part in parts for state in part.split(encoded)]
    expected = torch.stack([(q @ e.T).softmax(-1) @ e for q, e in zip(queries, states, strict=True)])
    assert_same_with_gradients(CrossAttention(encoded, parts)(queries), expected, [encoded, queries], 1e-5)
