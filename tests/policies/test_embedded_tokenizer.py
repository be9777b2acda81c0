"""The tokenizer that ships: current, deterministic, whole words, never <unk>."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import TEXTS

from glam_eval.language import speaker
from glam_eval.policies.models.tokenizer import embedded_tokenizer, make_tokenizer

TOKENIZER = embedded_tokenizer()


def test_same_bytes_for_the_same_sentences():
    assert make_tokenizer(TEXTS).to_str() == make_tokenizer(iter(TEXTS)).to_str()


@given(st.text())
def test_nothing_is_unknown(text):
    tokens = TOKENIZER(text.replace("<unk>", ""))["input_ids"]
    assert TOKENIZER.unk_token_id not in tokens


@given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"], exclude_characters="▁<"), min_size=1)))
def test_words_survive_decoding(words):
    text = unicodedata.normalize("NFC", " ".join(words))
    if len(text.split()) == len(words):
        assert TOKENIZER.decode(TOKENIZER(text, add_special_tokens=False)["input_ids"]) == text


@pytest.mark.parametrize("language", ["en", "fr", "de", "ro", "es", "it"])
def test_words_of_the_world_are_single_tokens(language):
    for action in speaker(language).actions("augmented"):
        assert TOKENIZER.tokenize(action)[0] == "▁" + re.findall(r"\w+", action)[0]
        assert len(TOKENIZER.tokenize(action)) == len(re.findall(r"\w+|[^\w\s]", action))


def test_fewest_pieces_win_then_the_frequent_ones():
    tokenizer = make_tokenizer(["go going go go go"], ["▁un", "go", "▁ungo", "ing", "ongoing", "▁on", "oing"])
    assert tokenizer.encode("going", add_special_tokens=False).tokens == ["▁going"]
    assert tokenizer.encode("ungoing", add_special_tokens=False).tokens == ["▁ungo", "ing"]
    assert tokenizer.encode("gooing", add_special_tokens=False).tokens == ["▁go", "oing"]
