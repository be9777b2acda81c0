"""How each language asks and answers, and what its words mean: one data file per language of each."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from glam_eval.language import LANGUAGES

SLOT = re.compile(r"\{\w+\}")


class Kind(BaseModel):
    """One kind of question; phrasings hold slots in braces."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    label: str  # what stands before an answer, as "Action" does in the paper's prompt
    ask: tuple[str, ...]
    possible: str | None = None  # what introduces the answers to choose from, where not as usual


class Phrases(BaseModel):
    """The questions of one language."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    possible: str
    question: str
    answer: str
    there_is: str
    # Between two choices in a question.
    alternative: str
    list: str
    words: dict[str, str]
    turns: dict[str, str]
    languages: dict[str, str]
    kinds: dict[str, Kind]


class Meanings(BaseModel):
    """Word knowledge of one language; definitions by the lexicon's keys, ``new_`` for the new nouns."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    opposites: tuple[tuple[str, str], ...]
    categories: dict[str, str]
    definitions: dict[str, str]


@cache
def phrases(language: str) -> Phrases:
    """Return the questions of a language, one of ``glam_eval.language.LANGUAGES``."""
    return Phrases.model_validate(_read("phrases", language))


@cache
def meanings(language: str) -> Meanings:
    """Return the word knowledge of a language, one of ``glam_eval.language.LANGUAGES``."""
    return Meanings.model_validate(_read("meanings", language))


def _read(folder: str, language: str) -> dict[str, object]:
    path = files("glam_eval.pretraining.families").joinpath(folder, f"{language}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def texts() -> Iterator[str]:
    """Yield all that the families say beyond the speakers' sentences, with slots left out."""
    for language in LANGUAGES:
        words, knowledge = phrases(language), meanings(language)
        yield from (words.possible, words.question, words.answer, words.alternative, words.list)
        yield from (*words.words.values(), *words.turns.values(), *words.languages.values())
        for kind in words.kinds.values():
            yield from (kind.label + ":", kind.possible or "", *(SLOT.sub("", ask) for ask in kind.ask))
        yield SLOT.sub("", words.there_is)
        yield from (*knowledge.categories.values(), *knowledge.definitions.values())
        yield from (word for pair in knowledge.opposites for word in pair)
