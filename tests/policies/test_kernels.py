"""Hand-written kernels and their gradients against the same formulas left to autograd."""

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from program import fresh

import glam_eval
from glam_eval.policies.scoring.kernels import activations, aten, choice
from glam_eval.policies.scoring.kernels.choice import CompiledKernels, TorchKernels, choose_kernels
from glam_eval.policies.scoring.kernels.cross_attention import CrossAttention
from glam_eval.policies.scoring.kernels.native.library import library
from glam_eval.policies.scoring.kernels.self_attention import PositionBias
from glam_eval.policies.scoring.packing import Group

HEADS = 3
CPU = torch.device("cpu")


@pytest.fixture(params=["compiled", "torch"])
def kernels(request):
    """Every test that asks for kernels runs on both kinds."""
    if request.param == "torch":
        return TorchKernels()
    if library() is None:
        pytest.skip("there is no C compiler")
    return CompiledKernels()


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
def test_rms_norm(rows, columns, kernels):
    hidden = leaf(rows, columns, scale=3.0)
    expected = hidden * (hidden.square().mean(1, keepdim=True) + 1e-6).rsqrt()
    assert_same_with_gradients(kernels.rms_norm(hidden, 1e-6), expected, [hidden], 1e-5)


def test_rms_norm_keeps_float32_where_products_are_halved(kernels):
    hidden = leaf(50, 512, scale=3.0)
    expected = hidden * (hidden.square().mean(1, keepdim=True) + 1e-6).rsqrt()
    with torch.autocast("cpu", torch.bfloat16):
        assert (hidden @ hidden.mT).dtype == torch.bfloat16
        assert_same_with_gradients(kernels.rms_norm(hidden, 1e-6), expected, [hidden], 1e-5)


@pytest.mark.parametrize("columns", [32, 2 * 23])
@pytest.mark.parametrize("rows", [3, activations.CHUNK // 16 * 2 + 5])
def test_gated_gelu_in_any_number_of_chunks(rows, columns, kernels):
    inner = leaf(rows, columns, scale=2.0)
    gate, linear = inner.chunk(2, dim=1)
    expected = F.gelu(gate, approximate="tanh") * linear
    assert_same_with_gradients(kernels.gated_gelu(inner), expected, [inner], 1e-5)


def test_gated_gelu_far_from_zero_stays_finite(kernels):
    gate = torch.tensor([[-200.0, -90.0, 90.0, 200.0]])
    inner = torch.cat([gate, torch.ones_like(gate)], dim=1).requires_grad_()
    activated = kernels.gated_gelu(inner)
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
def test_self_attention_of_prompts_of_any_lengths(runs, width, kind, tolerance, kernels):
    parts = groups(*runs)
    tokens, longest = parts[-1].tokens.stop, parts[-1].length
    projected, bias = leaf(tokens, 3, HEADS, width, scale=width**-0.25), leaf(HEADS, 2 * longest - 1)
    expected = plain_attention(projected, bias, parts)
    ours = kernels.self_attention(projected.to(kind), PositionBias(bias), parts)
    assert ours.dtype == kind
    assert_same_with_gradients(ours, expected, [projected, bias], tolerance)


def test_self_attention_of_large_scores_and_of_none(kernels):
    parts = groups((1, 40))
    projected, bias = leaf(40, 3, HEADS, 16, scale=30.0), torch.zeros(HEADS, 79)
    ours = kernels.self_attention(projected, PositionBias(bias), parts)
    torch.testing.assert_close(ours, plain_attention(projected, bias, parts), rtol=1e-4, atol=1e-4)
    spoilt = projected.detach().clone()
    spoilt[3, 0] = torch.nan
    attended = kernels.self_attention(spoilt, PositionBias(bias), parts)
    assert attended[3].isnan().all()
    assert attended[[2, 4]].isfinite().all()


@pytest.mark.parametrize("threads", [2, 5])
def test_kernels_on_many_threads_give_what_they_do_on_one(threads, kernels):
    parts = groups((1, 30), (1, 41))

    def results():
        projected, bias = leaf(71, 3, HEADS, 16), leaf(HEADS, 81)
        attended = kernels.self_attention(projected, PositionBias(bias), parts)
        activated = kernels.gated_gelu(kernels.rms_norm(attended, 1e-6))
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


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_operations_of_aten_are_what_autograd_does(kind):
    gradient = torch.randn(5, 7, dtype=kind, generator=torch.Generator().manual_seed(1))
    for ours, function in (
        (lambda scores, out: aten.softmax_gradient(out.copy_(gradient), scores.softmax(-1)), torch.softmax),
        (lambda gate, out: aten.gelu_gradient(gradient, gate, out), F.gelu),
    ):
        given = leaf(5, 7, scale=2.0).detach().to(kind).requires_grad_()
        result = torch.empty_like(gradient)
        ours(given.detach(), result)
        made = function(given, -1) if function is torch.softmax else function(given, approximate="tanh")
        torch.testing.assert_close(result, torch.autograd.grad(made, given, gradient)[0])


def test_kernels_are_chosen_by_the_device_and_by_what_can_be_compiled(monkeypatch):
    assert type(choose_kernels(torch.device("cuda"))) is TorchKernels
    monkeypatch.setattr(choice, "library", lambda: None)
    assert type(choose_kernels(CPU)) is TorchKernels
    monkeypatch.setattr(choice, "library", object)
    assert type(choose_kernels(CPU)) is CompiledKernels


def test_compiled_kernels_take_float32_and_leave_the_rest_to_torch(monkeypatch):
    def refuse(*_):
        raise AssertionError("called in C")

    for name in ("CompiledRMSNorm", "CompiledGatedGelu", "CompiledAttention"):
        monkeypatch.setattr(getattr(choice, name), "apply", refuse)
    chosen, bias, parts = CompiledKernels(), PositionBias(leaf(HEADS, 7)), groups((1, 4))
    for kind in (torch.bfloat16, torch.float64):
        assert chosen.gated_gelu(torch.ones(2, 16, dtype=kind)).dtype == kind
        assert chosen.self_attention(torch.ones(4, 3, HEADS, 8, dtype=kind), bias, parts).dtype == kind
        assert chosen.whole_layers(torch.ones(2, 16, dtype=kind), 16, 16) is None
    with pytest.raises(AssertionError, match="called in C"):
        chosen.gated_gelu(torch.ones(2, 16))
    assert chosen.whole_layers(torch.ones(2, 16), 16, 16) is not None
    with torch.autocast("cpu", torch.bfloat16):
        assert chosen.whole_layers(torch.ones(2, 16), 16, 16) is None
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    hidden = torch.full((2, 16), 3.0)
    torch.testing.assert_close(chosen.rms_norm(hidden, 0.0), torch.ones(2, 16))
    torch.testing.assert_close(
        chosen.gated_gelu(torch.ones(2, 16)), F.gelu(torch.ones(2, 8), approximate="tanh")
    )


def test_private_operations_of_torch_are_used_in_one_module():
    private = re.compile(r"\btorch\._|\btorch\.ops\b|\baten\._|from torch\S* import _")
    package = Path(glam_eval.__file__).parent
    users = {file for file in package.rglob("*.py") if private.search(file.read_text())}
    assert users == {Path(aten.__file__)}


ENGINE = """
import json, torch
from glam_eval.core.provenance import machine
from glam_eval.policies import load_model
from glam_eval.policies.scoring.scores import make_engine

model, _ = load_model("t5-nano-scratch")
print(type(make_engine(model).kernels).__name__, type(make_engine(model).kernels).__name__)
print(json.loads(machine())["kernels"])
"""


@pytest.mark.parametrize(
    ("setting", "expected", "said"),
    [
        pytest.param(
            {"CC": "no-such-compiler"},
            "TorchKernels TorchKernels\ntorch\n",
            "torch's kernels compute",
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            {"GLAM_EVAL_KERNELS": "torch"},
            "TorchKernels TorchKernels\ntorch\n",
            "",
            marks=pytest.mark.thorough,
        ),
        ({}, "CompiledKernels CompiledKernels\ncompiled\n", ""),
    ],
    ids=["no compiler", "torch wanted", "compiled"],
)
def test_what_computes_is_on_record_and_said_once_where_nobody_chose_it(setting, expected, said):
    if not setting and library() is None:
        pytest.skip("there is no C compiler")
    done = fresh(ENGINE, without=("CC", "GLAM_EVAL_KERNELS"), **setting)
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected
    lines = [line for line in done.stderr.splitlines() if line.startswith("glam-eval:")]
    assert [said in line for line in lines] == ([True] if said else [])
