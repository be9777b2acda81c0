"""How each language asks and answers, and what its words mean: one data file per language of each."""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


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
