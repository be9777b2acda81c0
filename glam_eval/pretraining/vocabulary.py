"""The ladder's tokenizer: whole words of the world and of the instruction families, pieces for all else.

Words of the world, in every language and under every shift, are one piece each, so a renaming changes no
number of pieces. Invented words have pieces of their own for that reason alone: spelled, "dax" would be
longer than "key", and what a test of renaming showed could be the length. Nothing in pretraining contains
them and input embeddings are not those of the output, so their embeddings stay as drawn: words without a
meaning, told apart from one another.
"""

from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from glam_eval.language import corpus
from glam_eval.policies.models.tokenizer import TOKENIZER_DIRECTORY, make_tokenizer
from glam_eval.pretraining.evaluation_words import evaluation_words, plain_word
from glam_eval.pretraining.families.phrases import texts as family_texts

PIECES = "pieces.txt"
LEARNED = 1_150  # pieces of general English: more cost time in the output layer than they save in length


def learn_pieces(texts: Iterable[str], count: int = LEARNED) -> list[str]:
    """Return the pieces, of two characters or more, that byte-pair encoding makes of texts, frequent first.

    "▁" stands for the space before a word.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    trainer = BpeTrainer(vocab_size=count, show_progress=False, min_frequency=3)
    tokenizer.train_from_iterator(texts, trainer)
    vocabulary = tokenizer.get_vocab()
    ordered = sorted(vocabulary, key=vocabulary.__getitem__)
    return [piece for piece in ordered if len(piece) > 1 and piece.strip("▁").isalpha()]


def make_pieces(texts: Iterable[str]) -> str:
    """Return the content of the shipped list: pieces learned from plain text, one a line."""
    return "\n".join(learn_pieces(texts)) + "\n"


def shipped_pieces() -> list[str]:
    """Return the pieces of general English that ship: learned from WordNet's common texts."""
    return files("glam_eval.pretraining").joinpath(PIECES).read_text(encoding="utf-8").split()


def remake_tokenizer(directory: Path = TOKENIZER_DIRECTORY) -> Path:
    """Write the ladder's tokenizer, made from all that is said and asked and the shipped pieces."""
    path = directory / "tokenizer.json"
    make_tokenizer(_sentences(), shipped_pieces()).save(str(path), pretty=False)
    return path


def _sentences() -> Iterator[str]:
    """Yield the texts whose words are one piece each."""
    yield from corpus()
    yield from family_texts()
    for word in evaluation_words():
        yield from word.forms  # alone, as questions on words have them


def pieces_per_word(tokenizer: Any) -> pd.DataFrame:
    """Return for each evaluation word how many pieces a tokenizer makes of it and of the word it replaces.

    Columns: language, shift, kind, key, word, pieces, replaced (the word of training) and replaced_pieces.
    ``tokenizer`` is one of ``transformers``; every word but those of training has another to compare with.
    """

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    rows = []
    for word in evaluation_words():
        plain = plain_word(word).forms[0]
        rows.append(
            {
                "language": word.language,
                "shift": word.shift,
                "kind": word.kind,
                "key": word.key,
                "word": word.forms[0],
                "pieces": count(word.forms[0]),
                "replaced": plain,
                "replaced_pieces": count(plain),
            }
        )
    return pd.DataFrame(rows)
