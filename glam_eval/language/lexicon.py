"""The words of a language and how they combine: one data file per language, read into a ``Lexicon``."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from glam_eval.core.errors import UserError

LANGUAGES = ("en", "fr", "de", "ro", "es", "it")
ACTION_SETS = {
    "restricted": ("turn_left", "turn_right", "go_forward"),
    "canonical": ("turn_left", "turn_right", "go_forward", "pick_up", "drop", "toggle"),
    "augmented": (
        *("turn_left", "turn_right", "go_forward", "pick_up", "drop", "toggle"),
        *("sleep", "do_nothing", "think"),
    ),
}
"""Name of an action set -> its actions in the order of their indices, as lexicons key them."""

Forms = str | dict[str, str]  # one form for all genders, or gender -> form
ByCase = dict[str, dict[str, Forms]]  # case -> "definite" or "indefinite" -> form


class Noun(BaseModel):
    """A noun in the singular; ``definite`` where the language marks definiteness on the noun."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    text: str
    gender: str = "common"
    definite: str | None = None


class Lexicon(BaseModel):
    """One language. Frames hold slots in braces: ``{target}``, or with a preposition ``{zu target}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    noun_phrase: tuple[str, ...]  # order of article, state, color, noun, location
    nouns: dict[str, Noun]
    colors: dict[str, Forms]  # a table of forms takes no ending, a string takes ``endings``
    states: dict[str, Forms]
    articles: ByCase
    endings: ByCase = {}
    object_case: str = "common"  # the case verbs govern
    prepositions: dict[str, str] = {}  # preposition -> the case it governs, where not ``object_case``
    bare_after_preposition: bool = False  # an unmodified definite noun loses its article after one
    locations: dict[str, str]
    sentences: dict[str, str]
    where: dict[str, str]
    verbs: dict[str, dict[str, str]]  # verb -> mood -> frame
    links: dict[str, str]  # how clauses are joined, and the mood of what comes after "after"
    actions: dict[str, str]
    sandhi: tuple[tuple[re.Pattern[str], str], ...] = ()  # contractions and elisions, applied in order
    goal_mood: str = "imperative"
    goal_introduction: str | None = None  # in place of the prompt template's own


def read_table(*path: str) -> dict[str, Any]:
    """Read a TOML file of this package."""
    with files("glam_eval.language").joinpath(*path).open("rb") as file:
        return tomllib.load(file)


def table_names(folder: str) -> list[str]:
    """Return the sorted names of the TOML files in a folder of this package."""
    names = (entry.name for entry in files("glam_eval.language").joinpath(folder).iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


@cache
def base_table(language: str) -> dict[str, Any]:
    """Return the unshifted data of a language, one of ``LANGUAGES``; not to be changed."""
    return read_table("lexicons", f"{language}.toml")


def make_lexicon(language: str, changes: dict[str, Any]) -> Lexicon:
    """Return a language's lexicon with entries replaced.

    Args:
        language: one of ``LANGUAGES``.
        changes: in the shape of the data file: a table's entries replace those of the same key, anything else
            replaces the whole value.

    Raises:
        UserError: where the result is no lexicon.
    """
    table = dict(base_table(language))
    for key, value in changes.items():
        if isinstance(value, dict):
            strangers = value.keys() - table.get(key, {}).keys()
            if strangers:
                raise UserError(f"the lexicon {language!r} has no {key} {sorted(strangers)} to replace")
            value = table[key] | value
        table[key] = value
    try:
        return Lexicon.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"the lexicon {language!r} is wrong at {place!r}: {first['msg']}") from error
