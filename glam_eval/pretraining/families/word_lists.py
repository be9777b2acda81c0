"""The words that questions about words ask for: out of the lexicons and the shifts, grouped by meaning."""

from dataclasses import dataclass
from functools import cache

from glam_eval.language import speaker
from glam_eval.language.lexicon import Forms, Lexicon
from glam_eval.pretraining.families.phrases import meanings

ACTION_SHIFTS = ("synonym_actions", "synonym_actions_2")
NEW = "new_"  # before the key of a noun that stands in for another, and has its own meaning


@dataclass(frozen=True, slots=True)
class Word:
    """All ways to say one thing in one language; the first is that of the unshifted lexicon."""

    key: str
    category: str  # "nouns", "colors" or "actions"
    names: tuple[str, ...]
    definition: str


def _citation(forms: Forms) -> str:
    """Return the form in which dictionaries list an adjective."""
    return forms if isinstance(forms, str) else next(iter(forms.values()))


def _lexicon(language: str, shift: str = "none") -> Lexicon:
    return speaker(language, shift).goal_voice.grammar.lexicon


@cache
def words(language: str) -> tuple[Word, ...]:
    """Return every noun, colour and action that a language defines, with its synonyms under the shifts."""
    plain, new, rare = (_lexicon(language, shift) for shift in ("none", "new_nouns", "synonym_colors"))
    others = [_lexicon(language, shift).actions for shift in ACTION_SHIFTS]
    found = []
    for key, definition in meanings(language).definitions.items():
        if key.startswith(NEW):
            names = [new.nouns[key.removeprefix(NEW)].text]
            category = "nouns"
        elif key in plain.nouns:
            category, names = "nouns", [plain.nouns[key].text]
        elif key in plain.colors:
            category, names = "colors", [_citation(plain.colors[key]), _citation(rare.colors[key])]
        else:
            category, names = "actions", [actions[key] for actions in (plain.actions, *others)]
        found.append(Word(key, category, tuple(dict.fromkeys(names)), definition))
    return tuple(found)


@cache
def defined_words(language: str) -> tuple[tuple[str, str], ...]:
    """Return every name of a thing or a colour with its definition."""
    return tuple(
        (name, word.definition)
        for word in words(language)
        if word.category != "actions"
        for name in word.names
    )


@cache
def synonyms(language: str) -> tuple[Word, ...]:
    """Return the words that have more than one name."""
    return tuple(word for word in words(language) if len(word.names) > 1)


@cache
def names(language: str, category: str) -> tuple[str, ...]:
    """Return all names of one category."""
    return tuple(name for word in words(language) if word.category == category for name in word.names)
