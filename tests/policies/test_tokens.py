"""Cached tokenising is identical to tokenising the whole text."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_models import TEXTS, byte_level_tokenizer
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from glam_eval.policies.models.tokenizer import embedded_tokenizer, make_tokenizer
from glam_eval.policies.scoring.tokens import CachedTokenizer

pieces = st.sampled_from(
    [
        "You see",
        "a red",
        "clef",
        "grüne",
        "ș",
        "12",
        "3.5",
        ",",
        "'",
        ":",
        "日本",
        "</s>",
        "<unk>",
        "▁",
        "e\u0301",
    ]
)
spaces = st.sampled_from([" ", "  ", " \n ", "\n", "\n\n", " \n\t", ", ", ""])
texts = st.lists(st.tuples(pieces, spaces).map("".join), min_size=1, max_size=30).map("".join)
PAPER = (
    "turn left, turn right \n Goal of the agent: go to the red ball \n Observation 0: You see, \n Action 0: "
)


def whole(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.fixture(scope="module")
def tokenizers(metaspace_tokenizer):
    return [embedded_tokenizer(), metaspace_tokenizer, byte_level_tokenizer()]


def test_all_three_formats_go_by_words(tokenizers):
    assert all(CachedTokenizer(tokenizer)._by_words for tokenizer in tokenizers)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=1, max_size=3))
@example([PAPER, PAPER.replace("red", "green"), " " + PAPER])
def test_identical_to_the_whole_text(tokenizers, several):
    for tokenizer in tokenizers:
        cached = CachedTokenizer(tokenizer, capacity=20)
        for text in [*several, *several]:
            assert cached.encode(text) == whole(tokenizer, text)


def test_a_tokenizer_that_joins_words_is_not_cut():
    tokens = {"a": 0, "b": 1, " ": 2, "a b": 3, "a ": 4}
    backend = Tokenizer(BPE(vocab=tokens, merges=[("a", " "), ("a ", "b")]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<e>")
    assert CachedTokenizer(tokenizer).encode("a b") == whole(tokenizer, "a b") == [3]


def test_a_splitting_pre_tokenizer_that_marks_only_the_first_word_is_not_cut():
    backend = make_tokenizer(TEXTS)
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="first", split=False)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>")
    cached = CachedTokenizer(tokenizer)
    assert not cached._by_words
    assert cached.encode(PAPER) == whole(tokenizer, PAPER)


def test_beginning_of_sequence_precedes_prompts_alone():
    backend = make_tokenizer(TEXTS)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", bos_token="<s>")
    assert CachedTokenizer(tokenizer).encode_prompt("turn left").tolist() == whole(tokenizer, "turn left")
    start = tokenizer.convert_tokens_to_ids("<s>")
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", start)]
    )
    cached = CachedTokenizer(tokenizer)
    assert cached.encode_prompt("turn left").tolist() == [start, *whole(tokenizer, "turn left")]
    assert cached.encode_actions(["turn left"]).tokens == (tuple(whole(tokenizer, "turn left")),)
