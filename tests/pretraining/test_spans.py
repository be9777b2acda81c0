"""Span corruption: it inverts, leaves out what was asked for, and loses no text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.core.errors import UserError
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.pretraining.spans import corrupt, sentinels, windows

MARKS = list(range(1000, 1013))
TOKENIZER = embedded_tokenizer()


def restored(source, target):
    """Put every span of the target where its sentinel stands in the source."""
    spans, current = {}, None
    for token in target.tolist():
        if token in MARKS:
            current = spans[token] = []
        else:
            current.append(token)
    return [token for piece in source.tolist() for token in spans.get(piece, [piece])]


@given(
    st.lists(st.integers(0, 999), min_size=2, max_size=300),
    st.integers(0, 2**32),
    st.floats(0.01, 0.99),
    st.floats(1, 10),
)
def test_source_and_target_give_back_the_text(tokens, seed, share, mean_length):
    source, target = corrupt(tokens, MARKS, np.random.default_rng(seed), share, mean_length)
    assert restored(source, target) == tokens
    used = [token for token in source.tolist() if token in MARKS]
    assert used == MARKS[: len(used)] == [token for token in target.tolist() if token in MARKS]
    left_out = len(target) - len(used)
    assert left_out == min(max(round(len(tokens) * share), 1), len(tokens) - 1)
    assert source[0] not in MARKS and source[-1] in MARKS


def test_shares_lengths_and_places_are_those_of_t5():
    generator = np.random.default_rng(0)
    corrupted = [corrupt(range(100), MARKS, generator) for _ in range(400)]
    assert {len(source) for source, _ in corrupted} == {100 - 15 + 5}
    assert {len(target) for _, target in corrupted} == {15 + 5}
    left_out = np.array([[token in target for token in range(100)] for _, target in corrupted]).mean(0)
    assert left_out[0] == 0 and left_out[-1] == 1  # the published code's spans begin and end so
    assert left_out[10:-10].min() > 0.08 and left_out[10:-10].max() < 0.22


def test_a_single_token_has_nothing_to_fill_in_from():
    with pytest.raises(ValueError, match="one token"):
        corrupt([1], MARKS, np.random.default_rng(0))


def test_sentinels_occur_in_no_text_and_are_t5s_own_where_it_has_them():
    marks = sentinels(TOKENIZER)
    assert len(set(marks)) == 13 and TOKENIZER.unk_token_id not in marks
    everything = "".join(map(chr, [*range(1, 0xD800), *range(0x10000, 0x10FFFF, 97)]))
    assert not set(marks) & set(TOKENIZER(everything)["input_ids"])

    class FlanTokenizer:
        def get_vocab(self):
            return {"a": 0, "<extra_id_1>": 31, "<extra_id_0>": 32, "<0xC0>": 5}

    class PlainTokenizer:
        def get_vocab(self):
            return {"a": 0}

    assert sentinels(FlanTokenizer()) == [32, 31]
    with pytest.raises(UserError, match="sentinels"):
        sentinels(PlainTokenizer())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.integers(8, 60))
def test_windows_hold_whole_sentences_and_lose_no_word(lengths, size):
    cached = CachedTokenizer(TOKENIZER)
    sentences = [" ".join(["ball"] * length) for length in lengths]
    made = list(windows(sentences, cached, size))
    assert all(2 <= len(window) <= size + 1 for window in made)
    assert sum(map(len, made)) >= sum(lengths) - sum(length % size == 1 or length == 1 for length in lengths)
    whole = [length for length in lengths if length <= size]
    if whole == lengths:
        ends = set(np.cumsum(lengths).tolist())
        assert sum(lengths) != sum(map(len, made)) or set(np.cumsum([len(w) for w in made]).tolist()) <= ends
