"""Trees of prompts: each prefix once, and yet the scores and gradients of a plain loop over prompts."""

import importlib
import inspect
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import adapted, causal

from glam_eval.core.errors import UserError
from glam_eval.policies.lanes import add_gradients
from glam_eval.policies.models.loading import load_model
from glam_eval.policies.models.packaged import packaged_directory
from glam_eval.policies.scoring.decoder_only import prefixes
from glam_eval.policies.scoring.decoder_only.engine import PrefixMemory
from glam_eval.policies.scoring.decoder_only.one_by_one import CausalEngine
from glam_eval.policies.scoring.families import CAUSAL_MODELS, WITHOUT_INTERFACE
from glam_eval.policies.scoring.scores import Scorer, make_engine, make_scorer
from glam_eval.policies.scoring.tree import Actions

KINDS = ["llama", "gpt2", "qwen2", "gemma2"]
VOCABULARY = 12

tokens = st.integers(1, VOCABULARY - 1)
# Of two tokens: most pairs of texts share beginnings, many repeat, many are prefixes of others.
alike = st.lists(st.lists(st.integers(1, 2), min_size=1, max_size=12), min_size=1, max_size=8)
unlike = st.lists(st.lists(tokens, min_size=1, max_size=90), min_size=1, max_size=4)
offers = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=4), min_size=1, max_size=4)


@st.composite
def batches(draw):
    prompts = [np.array(each, dtype=np.int32) for each in draw(alike | unlike)]
    choices = draw(st.lists(offers, min_size=1, max_size=2))
    actions = [Actions(tuple(map(tuple, each)), (1,) * len(each)) for each in choices]
    return prompts, [draw(st.sampled_from(actions)) for _ in prompts]


def fed(prompts, actions):
    """Every text that something follows: what a model has to read, each once."""
    return {
        (*prompt.tolist()[:end], *action[:depth])
        for prompt, each in zip(prompts, actions, strict=True)
        for action in each.tokens
        for end, depth in [
            *((end, 0) for end in range(1, len(prompt) + 1)),
            *((len(prompt), depth) for depth in range(len(action))),
        ]
    }


def plain(model, prompts, actions):
    """Scores (n, A) by one call of the model for each prompt and action."""
    rows = []
    for prompt, each in zip(prompts, actions, strict=True):
        scores = []
        for action in each.tokens:
            ids = torch.tensor([[*prompt.tolist(), *action]])
            logs = model(input_ids=ids[:, :-1]).logits[0, len(prompt) - 1 :].float().log_softmax(-1)
            scores.append(logs.gather(1, ids[0, len(prompt) :, None]).sum())
        rows.append(torch.stack(scores))
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-torch.inf)


def gradients(scores, model):
    finite = scores.masked_fill(scores.isneginf(), 0)
    weights = torch.linspace(-1, 1, finite.numel()).view(finite.shape)
    return torch.autograd.grad((finite * weights).sum(), list(model.parameters()))


def assert_same_gradients(ours, theirs, tolerance=1e-5):
    # Of equal actions the gradient is zero, and the plain loop's the rounding of numbers near 1.
    scale = max(1.0, *(float(each.norm()) for each in theirs))
    for one, two in zip(ours, theirs, strict=True):
        assert float((one - two).norm()) <= tolerance * (float(two.norm()) + 0.1 * scale)


@settings(max_examples=60, deadline=None)
@given(batches(), st.integers(1, 5), st.sampled_from([1, 3, 64]))
def test_a_tree_has_each_prefix_once_and_shows_each_its_ancestors(batch, parts, block):
    tree, texts = prefixes.PrefixTree(), {}
    step = -(-len(batch[0]) // parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefixes, "BLOCK", block)
        for first in range(0, len(batch[0]), step):
            prompts, actions = (column[first : first + step] for column in batch)
            layout, rows = tree.add(prompts, actions)
            assert layout.first == len(texts)
            for query in range(len(layout.tokens)):
                seen = layout.keys[query // block][layout.visible[query // block, query % block]].tolist()
                assert len(seen) == len(set(seen)) == layout.depths[query] + 1
                above = sorted(seen)[:-1]
                assert max(seen) == layout.first + query
                text = (*max((texts[row] for row in above), key=len, default=()), int(layout.tokens[query]))
                assert {texts[row] for row in above} == {text[:end] for end in range(1, len(text))}
                texts[layout.first + query] = text
            for prompt, each, places in zip(prompts, actions, rows, strict=True):
                nodes = dict.fromkeys(a[:depth] for a in each.tokens for depth in range(len(a)))
                assert [texts[row] for row in places] == [(*prompt.tolist(), *node) for node in nodes]
    assert set(texts.values()) == fed(*batch)


@settings(max_examples=60, deadline=None)
@given(batches(), st.integers(1, 100))
def test_parts_hold_every_prompt_once_and_as_many_nodes_as_allowed(batch, limit):
    parts = list(prefixes.by_prefix(*batch, limit))
    assert sorted(itertools.chain.from_iterable(parts)) == list(range(len(batch[0])))
    for part in parts:
        texts = fed([batch[0][i] for i in part], [batch[1][i] for i in part])
        assert len(texts) <= limit or len({(batch[0][i].tobytes(), batch[1][i]) for i in part}) == 1


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(batch=batches())
def test_scores_and_gradients_are_those_of_a_plain_loop(kind, batch):
    model = causal(kind, VOCABULARY)
    expected, (scores, roots) = plain(model, *batch), make_scorer(model, "sum").run(*batch)
    torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-5)
    assert_same_gradients(gradients(scores, model), gradients(expected, model))
    for prompt, root in zip(batch[0], roots, strict=True):
        states = model.base_model(input_ids=torch.tensor(prompt[None].astype(np.int64))).last_hidden_state
        torch.testing.assert_close(root, states[0, -1], rtol=1e-5, atol=1e-5)


BATCH = (
    [np.array([1, 2, *range(3, 3 + length), *[5, 4] * length], dtype=np.int32) for length in range(7)] * 2,
    [Actions(((1, 2), (1, 3), (4,)), (1, 1, 1)), Actions(((1, 2, 2), (6,)), (1, 1))] * 7,
)


@pytest.mark.parametrize("kind", KINDS)
def test_in_bfloat16_as_near_to_float32_as_prompt_by_prompt(kind):
    model = causal(kind, VOCABULARY, initializer_range=0.05)
    exact, _ = make_scorer(model, "sum").run(*BATCH)
    half, _ = make_scorer(model, "sum", half=True).run(*BATCH)
    torch.testing.assert_close(half, exact, rtol=0.02, atol=0.02)
    assert_same_gradients(gradients(half, model), gradients(exact, model), tolerance=0.03)


@torch.no_grad()
def test_remembered_prefixes_give_the_same_scores_and_are_not_computed_again():
    model, counted = causal("llama", VOCABULARY), []
    model.model.layers[0].register_forward_pre_hook(lambda _, inputs: counted.append(inputs[0].shape[1]))
    scorer = make_scorer(model, "sum")
    expected, roots = scorer.run(*BATCH)
    assert counted == [len(fed(*BATCH))]
    memory = scorer.engine.memory()
    for _ in range(2):
        counted.clear()
        for first in range(0, len(BATCH[0]), 5):
            found, states = scorer.run(*(column[first : first + 5] for column in BATCH), memory=memory)
            rows = slice(first, first + 5)
            torch.testing.assert_close(found, expected[rows], rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(states, roots[rows], rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(scorer.roots(BATCH[0][rows], memory=memory), roots[rows])
        assert sum(counted) == (0 if _ else len(fed(*BATCH)))
    small = PrefixMemory(10)
    for prompt, each, row in zip(*BATCH, expected, strict=True):
        found, _ = scorer.run([prompt], [each], memory=small)
        torch.testing.assert_close(found[0], row[: found.shape[1]], rtol=1e-5, atol=1e-5)
        assert len(small.tree) <= 10 + len(prompt) + 4


def test_logits_in_chunks_change_nothing(monkeypatch):
    model = causal("gemma2", VOCABULARY)
    whole, _ = make_scorer(model, "sum").run(*BATCH)
    expected = gradients(whole, model)
    monkeypatch.setattr("glam_eval.policies.scoring.decoder_only.scores.LOGITS_AT_ONCE", 3 * VOCABULARY)
    chunked, _ = make_scorer(model, "sum").run(*BATCH)
    torch.testing.assert_close(chunked, whole)
    assert_same_gradients(gradients(chunked, model), expected)


def test_parts_on_two_threads_add_up_and_leave_the_models_own_attention():
    model = causal("llama", VOCABULARY)
    usual, scorer = model.config._attn_implementation, make_scorer(model, "sum")
    whole = torch.autograd.grad(scorer.run(*BATCH)[0][:, :2].sum(), list(model.parameters()))
    parts = [range(first, first + 2) for first in range(0, 14, 2)]

    def loss(part):
        return scorer.run([BATCH[0][i] for i in part], [BATCH[1][i] for i in part])[0][:, :2].sum(), None

    torch.set_num_threads(2)
    try:
        add_gradients(loss, parts, list(model.parameters()), lanes=2)
    finally:
        torch.set_num_threads(1)
    assert_same_gradients([each.grad for each in model.parameters()], whole)
    assert model.config._attn_implementation == usual


def test_families_without_an_interface_are_those_scored_prompt_by_prompt():
    owned = set()
    for kind in CAUSAL_MODELS:
        source = inspect.getsource(importlib.import_module(type(causal(kind, VOCABULARY)).__module__))
        if "ALL_ATTENTION_FUNCTIONS" not in source:
            owned.add(kind)
    assert owned == WITHOUT_INTERFACE
    assert all(isinstance(make_scorer(causal(kind, VOCABULARY), "sum"), Scorer) for kind in owned)


def test_what_was_the_engine_agrees():
    model = causal("llama", VOCABULARY)
    assert isinstance(make_engine(model), CausalEngine)
    before = Scorer(model, make_engine(model), "word")
    for ours, theirs in zip(make_scorer(model, "word").run(*BATCH), before.run(*BATCH), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
@pytest.mark.parametrize("half", [False, True])
def test_blocks_computed_again_give_the_same_gradients_and_keep_less(kind, half):
    found, kept = [], []
    for again in (False, True):
        model, sizes = causal(kind, VOCABULARY), []
        scorer = make_scorer(model, "sum", half=half, gradient_checkpointing=again)

        def keep(tensor, sizes=sizes):
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            scores, _ = scorer.run(*BATCH)
        found.append((scores.detach(), *gradients(scores, model)))
        kept.append(sum(sizes))
        with torch.no_grad():
            torch.testing.assert_close(scorer.run(*BATCH)[0], scores)
    for plain_one, other in zip(*found, strict=True):
        assert torch.equal(plain_one, other)
    assert kept[1] < kept[0] / 2


def test_prompts_beyond_a_window_are_refused():
    model = causal("mistral", VOCABULARY, sliding_window=8)
    with pytest.raises(UserError, match="the model takes 8: remember fewer observations"):
        make_scorer(model, "sum").run(*BATCH)


@pytest.mark.slow
@pytest.mark.skipif(not packaged_directory("smollm2-135m").is_dir(), reason="smollm2-135m is not fetched")
def test_smollm2_itself():
    model, _ = load_model("smollm2-135m")
    prompts = [
        np.array([*range(100, 120), *range(200 + 7 * n, 200 + 9 * n), 300 + n % 2], dtype=np.int32)
        for n in range(6)
    ]
    actions = [Actions(((1607, 2049), (1607, 1048), (5768,)), (2, 2, 1))] * len(prompts)
    scores, expected = make_scorer(model, "sum").run(prompts, actions)[0], plain(model, prompts, actions)
    torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-5)
    assert_same_gradients(gradients(scores, model), gradients(expected, model))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2", "phi"])
def test_adapters_in_a_tree_are_those_of_peft(kind):
    """Scores and gradients of adapted layers, beside a plain loop through peft's own forward pass."""
    model, learned = adapted(kind, VOCABULARY, 0.3)
    expected, (scores, _) = plain(model, *BATCH), make_scorer(model, "sum").run(*BATCH)
    torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-5)
    ours, theirs = (torch.autograd.grad(each[:, :2].sum(), learned) for each in (scores, expected))
    assert_same_gradients(ours, theirs)


def test_adapters_in_bfloat16_are_as_exact_as_pefts_and_see_weights_that_change():
    model, learned = adapted("llama", VOCABULARY, 0.05)
    scorer = make_scorer(model, "sum", half=True)
    exact, ours = plain(model, *BATCH), scorer.run(*BATCH)[0]
    with torch.autocast("cpu", torch.bfloat16):
        theirs = plain(model, *BATCH)
    first, *others = (torch.autograd.grad(each[:, :2].sum(), learned) for each in (exact, ours, theirs))
    errors = [
        sum(float((one - two).norm() ** 2) for one, two in zip(each, first, strict=True)) ** 0.5
        for each in others
    ]
    assert errors[0] < 1.5 * errors[1]
    with torch.no_grad():
        for layer in model.modules():
            if hasattr(layer, "base_layer"):
                layer.base_layer.weight.mul_(0.5)
        changed = plain(model, *BATCH)
        torch.testing.assert_close(scorer.run(*BATCH)[0], changed, rtol=0.02, atol=0.02)
