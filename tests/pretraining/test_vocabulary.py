"""The ladder's tokenizer: remade identically, nothing unknown, a renaming keeps the number of pieces."""

import json

from glam_eval.language import corpus
from glam_eval.policies.models.tokenizer import TOKENIZER_DIRECTORY, embedded_tokenizer
from glam_eval.pretraining.mixture import FAMILIES, held_out_examples
from glam_eval.pretraining.vocabulary import learn_pieces, make_pieces, pieces_per_word, remake_tokenizer

TOKENIZER = embedded_tokenizer()


def test_shipped_file_is_what_the_sentences_make(tmp_path):
    shipped = (TOKENIZER_DIRECTORY / "tokenizer.json").read_text()
    assert json.loads(remake_tokenizer(tmp_path).read_text()) == json.loads(shipped)


def test_a_small_vocabulary():
    assert 2_000 <= len(TOKENIZER) <= 4_000


def test_words_of_the_world_are_whole_in_every_language_and_shift():
    words = {word for text in corpus() for word in text.replace(",", " ").replace(".", " ").split()}
    whole = [word for word in words if word.isalpha()]
    assert len(whole) > 700
    assert all(len(TOKENIZER.tokenize(word)) == 1 for word in whole)


def test_a_renaming_keeps_the_number_of_pieces():
    table = pieces_per_word(TOKENIZER)
    changed = table[table.pieces != table.replaced_pieces]
    assert set(changed.kind) == {"actions"}  # where a language's phrases differ in their number of words
    single = table[~table.word.str.contains(r"[ '-]")]
    assert (single.pieces == 1).all()
    assert set(table["shift"]) >= {"none", "invented_nouns", "synonym_colors", "synonym_actions_2"}


def test_no_item_has_an_unknown_piece_and_words_of_items_are_short():
    for family in FAMILIES:
        for example in held_out_examples(family, 20):
            ids = TOKENIZER(f"{example.source} {example.target}", add_special_tokens=False)["input_ids"]
            assert TOKENIZER.unk_token_id not in ids


def test_pieces_are_beginnings_or_insides_of_words():
    texts = ["the lower and the lowest of the towers", "a lower tower"] * 5
    pieces = learn_pieces(texts, 40)
    assert pieces == make_pieces(texts).split()[: len(pieces)]
    assert any(piece.startswith("▁") for piece in pieces)
    assert all(len(piece) > 1 and piece.lstrip("▁").isalpha() for piece in pieces)
