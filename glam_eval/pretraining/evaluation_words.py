"""The evaluation words: every noun, colour and action of each language and shift, in all their forms."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import chain

from glam_eval.language import LANGUAGES, parse_shift, shift_names, speaker
from glam_eval.language.lexicon import Forms, Lexicon, Noun
from glam_eval.language.shifts import changes

KINDS = ("nouns", "colors", "actions")
INVENTED = ("invented_nouns", "invented_colors")


@dataclass(frozen=True, slots=True)
class EvaluationWord:
    """What one language says for one entry of the lexicon under one shift."""

    language: str
    shift: str  # "none" for the words of training
    kind: str  # one of ``KINDS``
    key: str  # of the lexicon, for instance "ball" or "turn_left"
    forms: tuple[str, ...]  # the first stands for them all

    @property
    def invented(self) -> bool:
        """Whether it is a word of no language."""
        return self.shift in INVENTED


@cache
def evaluation_words() -> tuple[EvaluationWord, ...]:
    """Return the words of every language: those of training, and those that shifts replace them by."""
    return tuple(
        EvaluationWord(language, shift, kind, key, (entry,) if kind == "actions" else _forms(lexicon, entry))
        for language in LANGUAGES
        for shift in shift_names()
        if parse_shift(shift).names == (() if shift == "none" else (shift,))
        for lexicon in [speaker(language, shift).goal_voice.grammar.lexicon]
        for kind in KINDS
        for key, entry in getattr(lexicon, kind).items()
        if shift == "none" or key in changes(parse_shift(shift), language).get(kind, {})
    )


def plain_word(word: EvaluationWord) -> EvaluationWord:
    """Return the word of training, in the same language, that a word stands in for."""
    return _plain()[word.language, word.kind, word.key]


@cache
def _plain() -> dict[tuple[str, str, str], EvaluationWord]:
    return {(w.language, w.kind, w.key): w for w in evaluation_words() if w.shift == "none"}


def _forms(lexicon: Lexicon, entry: Noun | Forms) -> tuple[str, ...]:
    """Return every form of a lexicon's entry."""
    if isinstance(entry, Noun):
        return tuple(filter(None, (entry.text, entry.definite)))
    if isinstance(entry, dict):
        return tuple(dict.fromkeys(entry.values()))
    endings: Iterable[Forms] = chain.from_iterable(case.values() for case in lexicon.endings.values())
    each = [[ending] if isinstance(ending, str) else ending.values() for ending in endings]
    return (entry, *dict.fromkeys(entry + ending for ending in chain.from_iterable(each)))
