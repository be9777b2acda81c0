"""A one-to-one renaming of words by invented ones: the structure of a language without its meaning."""

import re
from collections.abc import Iterable

import numpy as np

from glam_eval.core.seeds import stream

WORD = re.compile(r"[^\W\d_]+")
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
SEED = 0  # fixed: the cipher is one language, the same in every run


class Cipher:
    """Renames every word of a vocabulary; numbers, punctuation and capital initials stay."""

    def __init__(self, vocabulary: Iterable[str]) -> None:
        words = sorted({word.lower() for word in vocabulary})
        taken = set(words)
        self._encoded: dict[str, str] = {}
        for word in words:
            generator = stream(SEED, "cipher", word)
            while (invented := _invent(generator)) in taken:
                pass
            taken.add(invented)
            self._encoded[word] = invented
        self._decoded = {invented: word for word, invented in self._encoded.items()}

    def encode(self, text: str) -> str:
        """Return the text with each word renamed; KeyError for a word outside the vocabulary."""
        return WORD.sub(lambda match: _rename(self._encoded, match[0]), text)

    def decode(self, text: str) -> str:
        """Return the text that ``encode`` was given."""
        return WORD.sub(lambda match: _rename(self._decoded, match[0]), text)


def _rename(names: dict[str, str], word: str) -> str:
    """Return a word's other name, with a capital initial where the word has one."""
    renamed = names[word.lower()]
    return renamed.capitalize() if word[0].isupper() else renamed


def _invent(generator: np.random.Generator) -> str:
    """Return a pronounceable word of two syllables."""
    letters = [CONSONANTS, VOWELS, CONSONANTS] * 2
    return "".join(letter[generator.integers(len(letter))] for letter in letters)
