"""Hand-written kernels and their gradients against the same formulas left to autograd."""

import pytest
import torch
import torch.nn.functional as F

from glam_eval.policies.scoring import activations, kernels
from glam_eval.policies.scoring.cross_attention import CrossAttention
from glam_eval.policies.scoring.packing import Group

HEADS, WIDTH = 3, 8


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
        assert float((one - two).norm()) <= tolerance * float(two.norm())


@pytest.mark.parametrize("rows", [3, activations.CHUNK // 16 * 2 + 5])
def test_gated_gelu_in_any_number_of_chunks(rows):
    inner = leaf(rows, 32, scale=2.0)
    gate, linear = inner.chunk(2, dim=1)
    expected = F.gelu(gate, approximate="tanh") * linear
    assert_same_with_gradients(activations.gated_activation(inner, None, "gelu_new"), expected, [inner], 1e-5)


@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
@pytest.mark.parametrize("runs", [[(1, 20)], [(5, 4), (1, 9), (2, 12)], [(2, 260), (1, 261)]], ids=str)
def test_self_attention_of_blocks_of_one_and_of_many(runs, kind, tolerance):
    parts = groups(*runs)
    tokens, longest = parts[-1].tokens.stop, parts[-1].length
    projected, bias = leaf(tokens, 3, HEADS, WIDTH), leaf(HEADS, longest, longest)
    expected = []
    for part in parts:
        query, key, value = part.split(projected).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(2, 3) + bias[:, : part.length, : part.length]
        expected.append((scores.softmax(-1) @ value).transpose(1, 2).reshape(-1, HEADS * WIDTH))
    ours = kernels.self_attention(projected.to(kind), bias, parts)
    assert ours.dtype == kind
    assert_same_with_gradients(ours, torch.cat(expected), [projected, bias], tolerance)


@pytest.mark.parametrize("runs", [[(3, 7)], [(2, 3), (1, 5), (3, 6)]], ids=["equal", "unequal"])
def test_cross_attention_of_prompts_of_any_lengths(runs):
    parts = groups(*runs)
    encoded, queries = leaf(parts[-1].tokens.stop, WIDTH), leaf(parts[-1].prompts.stop, 5, WIDTH)
    states = [state for part in parts for state in part.split(encoded)]
    expected = torch.stack([(q @ e.T).softmax(-1) @ e for q, e in zip(queries, states, strict=True)])
    assert_same_with_gradients(CrossAttention(encoded, parts)(queries), expected, [encoded, queries], 1e-5)
