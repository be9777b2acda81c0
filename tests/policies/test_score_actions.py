"""``score_actions`` against a plain Hugging Face loop: scores and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_scoring import plain_scores
from tiny_models import bart, byte_level_tokenizer, causal, t5

from glam_eval.core.errors import UserError
from glam_eval.policies import score_actions
from glam_eval.policies.scoring.families import CAUSAL_MODELS, check_family, longest_input
from glam_eval.policies.scoring.scores import make_scorer
from glam_eval.policies.scoring.tokens import CachedTokenizer

PROMPTS = [
    "Possible action of the agent: turn left, turn right \n Goal of the agent: go to the red ball \n "
    "Observation 0: You see a wall 2 steps left, You see a green key 1 step right,  \n Action 0: ",
    "Goal of the agent: go to the grey box",
    "Actions possibles pour l'agent: tourner à gauche, \n But de l'agent: aller à la clef rouge",
    "gehe zum grünen Ball \n mergi la mingea verde \n ve a la puerta \n vai alla scatola",
    "Goal of the agent: go to the grey box",
    "x",
]
SHARED = [
    "turn left",
    "turn right",
    "turn",
    "turn left and turn left and turn left",
    "drop",
    "drop",
    "aller à la clef",
]

FLAN_T5_SMALL = {
    "d_model": 512,
    "d_kv": 64,
    "num_heads": 6,
    "d_ff": 1024,
    "num_layers": 8,
    "num_decoder_layers": 8,
}


FACTORS = {f"{length}_factor": [1.0] * 4 for length in ("short", "long")}
LONG_ROPE = {"rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, **FACTORS}}
LIMITS = [
    ("llama", {"max_position_embeddings": 99}, 99),
    ("gpt2", {"n_positions": 77}, 77),
    ("mistral", {"sliding_window": 55}, 55),
    ("mistral", {"sliding_window": None, "max_position_embeddings": 99}, 99),
    ("gemma3_text", {"sliding_window": 55}, 55),
    ("qwen2", {"sliding_window": 55, "use_sliding_window": False, "max_position_embeddings": 99}, 99),
    ("qwen2", {"sliding_window": 55, "use_sliding_window": True, "max_window_layers": 0}, 55),
    ("gpt_neo", {"window_size": 55}, 55),
    (
        "phi3",
        LONG_ROPE | {"original_max_position_embeddings": 66, "max_position_embeddings": 132},
        66,
    ),
]


def assert_same(actual, expected):
    """Equal to 1e-5 of each score, or of the largest where a raw logit sum nearly cancels."""
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()) / 5)


def check(*arguments, **options):
    with torch.no_grad():
        assert_same(score_actions(*arguments, **options), plain_scores(*arguments, **options))


@pytest.mark.parametrize("normalization", ["sum", "token", "word", "logits"])
@pytest.mark.parametrize("end_of_sequence", [False, True])
def test_embedded_model(nano, normalization, end_of_sequence):
    check(*nano, PROMPTS, SHARED, normalization=normalization, end_of_sequence=end_of_sequence)


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"feed_forward_proj": "relu", "tie_word_embeddings": True},
        {"feed_forward_proj": "gated-silu", "num_heads": 5, "relative_attention_max_distance": 20},
        FLAN_T5_SMALL,  # its vocabulary cut
        {"kind": "mt5"},
        {"kind": "umt5"},
    ],
    ids=["asymmetric", "first T5", "other activation", "flan-t5-small", "mT5", "UMT5"],
)
def test_t5_shapes(nano, shape):
    model, tokenizer = t5(vocab_size=len(nano[1]), **shape), nano[1]
    check(model, tokenizer, PROMPTS, SHARED)


@pytest.mark.slow
def test_flan_t5_small_with_its_whole_vocabulary(nano):
    model, tokenizer = t5(vocab_size=32128, **FLAN_T5_SMALL), nano[1]
    check(model, tokenizer, PROMPTS, SHARED)


@pytest.mark.parametrize("kind", sorted(CAUSAL_MODELS))
def test_decoder_only(kind):
    tokenizer = byte_level_tokenizer()
    model = causal(kind, len(tokenizer))
    check(model, tokenizer, PROMPTS, SHARED)


@pytest.mark.parametrize("end_of_sequence", [False, True])
def test_bart(end_of_sequence):
    tokenizer = byte_level_tokenizer()
    check(bart(len(tokenizer)), tokenizer, PROMPTS, SHARED, end_of_sequence=end_of_sequence)


@pytest.mark.parametrize("kind", sorted(CAUSAL_MODELS | {"bart"}))
def test_families_in_half_precision(kind):
    """Scores of bfloat16 are those of float32 to its 8 bits: no mask or position is lost in it."""
    tokenizer = byte_level_tokenizer()
    model = bart(len(tokenizer)) if kind == "bart" else causal(kind, len(tokenizer), initializer_range=0.05)
    choices = [
        CachedTokenizer(tokenizer, joint=kind != "bart").encode_choice(each, SHARED) for each in PROMPTS
    ]
    prompts, actions = zip(*choices, strict=True)
    with torch.no_grad():
        exact, half = (
            make_scorer(model, "sum", half=half).run(prompts, actions)[0] for half in (False, True)
        )
    torch.testing.assert_close(half, exact, rtol=0.03, atol=0.03)


@pytest.mark.parametrize(("kind", "values", "limit"), LIMITS)
def test_the_longest_input_is_that_of_positions_and_windows(kind, values, limit):
    assert longest_input(causal(kind, 300, **values).config) == limit


def test_families_that_a_mask_does_not_describe_are_refused():
    with pytest.raises(UserError, match="ALiBi"):
        longest_input(causal("falcon", 300, alibi=True).config)
    with pytest.raises(UserError, match=r"models of type 'bloom' are not supported: .*gemma2, .*t5, .* are"):
        check_family("bloom")


words = st.sampled_from(["turn", "left", "right", "go", "la", "clef", "grün", "șț", "12", "."])
actions_lists = st.lists(st.lists(words, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=7)
prompts_lists = st.lists(st.lists(words, min_size=1, max_size=40).map(" ".join), min_size=1, max_size=5)


@settings(max_examples=20, deadline=None)
@given(prompts_lists, actions_lists, st.sampled_from(["sum", "token", "word"]))
def test_any_prompts_and_actions(nano, prompts, actions, normalization):
    check(*nano, prompts, actions, normalization=normalization)


@settings(max_examples=10, deadline=None)
@given(prompts_lists, actions_lists)
def test_any_prompts_and_actions_decoder_only(prompts, actions):
    tokenizer = byte_level_tokenizer()
    model = causal("llama", len(tokenizer))
    check(model, tokenizer, prompts, actions)


@pytest.mark.parametrize("kind", ["t5", "t5 scaled", "llama", "gpt2"])
def test_distinct_actions_per_prompt(nano, kind):
    if kind.startswith("t5"):
        tokenizer = nano[1]
        model = t5(vocab_size=len(tokenizer), tie_word_embeddings=kind == "t5 scaled")
    else:
        tokenizer = byte_level_tokenizer()
        model = causal(kind, len(tokenizer))
    lists = [SHARED[: 1 + row] for row in range(len(PROMPTS))]
    with torch.no_grad():
        scores = score_actions(model, tokenizer, PROMPTS, lists, "token")
        for row, (prompt, actions) in enumerate(zip(PROMPTS, lists, strict=True)):
            expected = plain_scores(model, tokenizer, [prompt], actions, normalization="token")
            assert_same(scores[row : row + 1, : len(actions)], expected)
            assert scores[row, len(actions) :].isneginf().all()


T5_KINDS = {
    "t5": {},
    "t5 other activation": {"feed_forward_proj": "relu", "tie_word_embeddings": True},
    "umt5": {"kind": "umt5"},
}


@pytest.mark.parametrize("kind", [*T5_KINDS, "qwen2", "gpt2", "gemma2", "opt", "olmo2", "bart"])
def test_gradients(nano, kind):
    if kind in T5_KINDS:
        tokenizer = nano[1]
        model = t5(vocab_size=len(tokenizer), **T5_KINDS[kind])
    else:
        tokenizer = byte_level_tokenizer()
        model = bart(len(tokenizer)) if kind == "bart" else causal(kind, len(tokenizer))
    parameters = [p for p in model.parameters() if p.requires_grad]
    weights = torch.linspace(-1, 1, len(PROMPTS) * len(SHARED)).view(len(PROMPTS), -1)
    expected = torch.autograd.grad(
        (plain_scores(model, tokenizer, PROMPTS, SHARED) * weights).sum(), parameters
    )
    actual = torch.autograd.grad(
        (score_actions(model, tokenizer, PROMPTS, SHARED) * weights).sum(), parameters
    )
    scale = max(float(gradient.norm()) for gradient in expected)
    for ours, theirs in zip(actual, expected, strict=True):
        assert float((ours - theirs).norm()) <= 1e-5 * float(theirs.norm()) + 1e-6 * scale


def test_wrong_input_is_one_line(nano):
    with pytest.raises(UserError, match="did you mean 'token'"):
        score_actions(*nano, ["a"], ["b"], "tokens")
    with pytest.raises(UserError, match="2 action lists for 1 prompts"):
        score_actions(*nano, ["a"], [["b"], ["c"]])
    with pytest.raises(UserError, match="at least one token"):
        score_actions(*nano, ["a"], ["b", ""])
    with pytest.raises(UserError, match="prompt is empty"):
        score_actions(*nano, ["a", ""], ["b"])
