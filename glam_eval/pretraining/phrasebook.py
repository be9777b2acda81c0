"""Finds in any text what the lexicons say of the world: observations, goals, actions, invented words.

The phrases are made by the grammars, for every language, shift and mood, and looked up word by word in one
tree, so that a text is read once however many phrases there are.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from glam_eval.core.world import GoTo, Instruction, Open, PickUp
from glam_eval.language import (
    LANGUAGES,
    MAX_REMEMBERED,
    Speaker,
    shift_names,
    speaker,
    template,
    template_names,
)
from glam_eval.language.grammar import Grammar
from glam_eval.language.inventory import references
from glam_eval.pretraining.evaluation_words import EvaluationWord, evaluation_words
from glam_eval.pretraining.families.random_scenes import CELLS

WORD = re.compile(r"</?\w+>|\w+")  # a tag of a prompt is a word of its own
MOVABLE: tuple[str | None, ...] = (None, "key", "ball", "box")
_MARKS = ""  # the key, in a node of the tree, of what ends there: no word is empty


class Match(NamedTuple):
    """A phrase found in a text, from one word's place to another's (exclusive)."""

    kind: str  # "observation", "goal", "action", a "… label", "action list", "invented word" or "word"
    start: int
    end: int
    word: EvaluationWord | None = None  # of "word" alone


class Phrasebook:
    """Phrases of some kinds, found in texts whatever their case and punctuation."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}

    def add(self, kind: str, phrase: str, word: EvaluationWord | None = None) -> None:
        """Add a phrase of one word or more."""
        node = self._root
        for token in WORD.findall(phrase.lower()):
            node = node.setdefault(token, {})
        marks = node.setdefault(_MARKS, [])
        if node is not self._root and (kind, word) not in marks:
            marks.append((kind, word))

    def find(self, text: str) -> list[Match]:
        """Return every phrase in a text; actions that are part of a goal ("pick up the key") are none."""
        tokens = WORD.findall(text.lower())
        found = []
        for start in range(len(tokens)):
            node = self._root
            for end in range(start, len(tokens)):
                if tokens[end] not in node:
                    break
                node = node[tokens[end]]
                found += [Match(kind, start, end + 1, word) for kind, word in node.get(_MARKS, ())]
        goals = [match for match in found if match.kind == "goal"]
        return [match for match in found if match.kind != "action" or not _inside(match, goals)]


def _inside(match: Match, others: list[Match]) -> bool:
    return any(other.start <= match.start and match.end <= other.end for other in others)


@cache
def phrasebook() -> Phrasebook:
    """Return the phrases of every language and shift.

    An observation is known by how its sentences begin ("You see") and by the places it tells of ("2 steps
    left"): more texts count as observations than the environment's sentences alone.
    """
    book = Phrasebook()
    for word in evaluation_words():
        for form in word.forms:
            book.add("invented word" if word.invented else "word", form, word)
        if word.kind == "actions":
            book.add("action", word.forms[0])
    for language in LANGUAGES:
        for shift in shift_names():
            _add_speaker(book, speaker(language, shift))
    for invented in _cipher_words():
        book.add("invented word", invented)
    return book


def _add_speaker(book: Phrasebook, voice: Speaker) -> None:
    """Add what a speaker sees, is asked for and is offered."""
    grammar = voice.goal_voice.grammar
    for sentence in ("see", "carry", "wall"):
        book.add("observation", grammar.lexicon.sentences[sentence].partition("{")[0])
    for place in CELLS:
        book.add("observation", grammar.place(*place))
    for goal in _goals(grammar):
        book.add("goal", goal)
    for name in template_names():
        phrases, layout = voice.phrases(name), template(name)
        book.add("goal label", phrases["goal_introduction"])
        book.add("action list", phrases["possible_actions"])
        for i in range(MAX_REMEMBERED):
            for label in filter(None, (layout.before_action, layout.before_choice)):
                book.add("action label", label.format(i=i, **phrases))
            for label in filter(None, (layout.before_observation.strip(), layout.before_newest)):
                book.add("observation label", label.format(i=i, **phrases))


def _goals(grammar: Grammar) -> Iterator[str]:
    """Yield every simple goal in every mood; of "put A next to B" what goes before B."""
    lexicon = grammar.lexicon
    for mood in lexicon.verbs["go_to"]:
        moody = Grammar(lexicon.model_copy(update={"goal_mood": mood}))
        simple: list[Instruction] = [*map(GoTo, references()), *map(Open, references(("door",)))]
        simple += map(PickUp, references(MOVABLE))
        yield from map(moody.goal, simple)
        before = lexicon.verbs["put_next"][mood].partition("{target}")[0]
        if before:
            yield from (before + grammar.name(target) for target in references(MOVABLE))


def _cipher_words() -> frozenset[str]:
    """Return the words of the cipher that no language has."""
    real = {word.lower() for language in LANGUAGES for word in speaker(language).words()}
    return frozenset(word.lower() for word in speaker("cipher").words()) - real
