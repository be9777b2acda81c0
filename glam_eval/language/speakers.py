"""A speaker says in one language, under one shift, what is seen, what is asked and what can be done."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Generic, TypeVar

from glam_eval.core.errors import unknown
from glam_eval.core.world import Instruction, Sighting, Thing, View
from glam_eval.language import inventory, templates
from glam_eval.language.cipher import WORD, Cipher
from glam_eval.language.grammar import Grammar
from glam_eval.language.lexicon import ACTION_SETS, LANGUAGES, make_lexicon
from glam_eval.language.shifts import Shift, changes, parse_shift, shift_names

CONTROLS = ("cipher", "mixed")
MIXED = re.compile(r"mixed-(\w+)-(\w+)")  # mixed-GOAL-OBSERVATIONS
MIXED_DEFAULT = "mixed-en-fr"  # what "mixed" alone stands for

K = TypeVar("K", Thing, Sighting)


class _Memo(dict[K, str], Generic[K]):
    """A table that makes its missing entries; bounded by the things there are and the cells in view."""

    def __init__(self, make: Callable[[K], str]) -> None:
        super().__init__()
        self._make: Callable[[K], str] = make

    def __missing__(self, key: K) -> str:
        self[key] = value = self._make(key)
        return value


@dataclass(frozen=True, slots=True)
class Voice:
    """A grammar, and what is done to each text it makes."""

    language: str  # of the words before ``write``: one of ``LANGUAGES``
    grammar: Grammar
    write: Callable[[str], str]


class Speaker:
    """Makes sentences. Obtain one from ``speaker``; it holds nothing but caches.

    The three voices differ only in mixed languages, whose observations are in another, and where a shift is
    of the goal alone.

    Args:
        language: its name, of mixed languages too.
        shift: the name of the shift in its words.
        goal_voice: of goals.
        frame_voice: of actions and templates.
        observation_voice: of what is seen.
    """

    def __init__(
        self, language: str, shift: str, goal_voice: Voice, frame_voice: Voice, observation_voice: Voice
    ) -> None:
        self.language = language
        self.shift = shift
        self.goal_voice = goal_voice
        self._frame_voice = frame_voice
        grammar, write = observation_voice.grammar, observation_voice.write
        self._sightings = _Memo[Sighting](lambda sighting: write(grammar.sighting(sighting)))
        self._carried = _Memo[Thing](lambda thing: write(grammar.carrying(thing)))

    def __repr__(self) -> str:
        return f"speaker({self.language!r}, {self.shift!r})"

    def observation(self, view: View) -> tuple[str, ...]:
        """Return the sentences of a view, in order: the carried thing, then each sighting."""
        sentences = tuple(map(self._sightings.__getitem__, view.sightings))
        if view.carrying is None:
            return sentences
        return (self._carried[view.carrying], *sentences)

    def goal(self, instruction: Instruction) -> str:
        """Return the goal sentence of an instruction."""
        return self.goal_voice.write(self.goal_voice.grammar.goal(instruction))

    def actions(self, action_set: str = "canonical") -> tuple[str, ...]:
        """Return the phrases of an action set in the order of the actions' indices.

        Raises:
            UserError: if there is no such set.
        """
        if action_set not in ACTION_SETS:
            raise unknown("action set", action_set, ACTION_SETS)
        phrases = self._frame_voice.grammar.lexicon.actions
        return tuple(self._frame_voice.write(phrases[action]) for action in ACTION_SETS[action_set])

    def phrases(self, template: str) -> dict[str, str]:
        """Return what a template is filled with: its names in braces and the phrases they stand for."""
        voice = self._frame_voice
        phrases = dict(templates.template(template).phrases[voice.language])
        introduction = voice.grammar.lexicon.goal_introduction
        if introduction is not None:
            phrases["goal_introduction"] = introduction
        return {name: voice.write(phrase) for name, phrase in phrases.items()}

    def texts(self, names: Sequence[str] | None = None) -> list[str]:
        """Return sentences, goals, actions and phrases of templates that use every form of every word.

        Args:
            names: of the templates; none takes all.
        """
        texts = [self._carried[thing] for thing in inventory.things() if thing.state is None]
        texts += map(self._sightings.__getitem__, inventory.sightings())
        texts += map(self.goal, inventory.instructions())
        texts += self.actions("augmented")
        for name in templates.template_names() if names is None else names:
            texts += self.phrases(name).values()
        return texts

    def words(self) -> frozenset[str]:
        """Return every word the speaker can say, in each of its forms."""
        return frozenset(WORD.findall(" ".join(self.texts())))


def speaker(language: str = "en", shift: str = "none") -> Speaker:
    """Return the speaker of a language under a shift; equal arguments give the same object.

    Args:
        language: one of ``LANGUAGES``, "cipher", "mixed-GOAL-OBSERVATIONS" or "mixed" ("mixed-en-fr").
        shift: of its words, as ``parse_shift`` reads it; a language in it goes before ``language``.

    Raises:
        UserError: for a name that does not exist, and for a shift whose words the language lacks.
    """
    parsed = parse_shift(shift)
    code = parsed.language or language
    return _speaker(MIXED_DEFAULT if code == "mixed" else code, replace(parsed, language=None))


@cache
def _speaker(language: str, shift: Shift) -> Speaker:
    """Make the speaker of a language and a shift without one of its own."""
    mixed = MIXED.fullmatch(language)
    frame, observation = mixed.groups() if mixed else (language, language)
    goal = shift.goal_language or frame
    for code in (goal, frame, observation):
        if code not in (*LANGUAGES, "cipher"):
            raise unknown("language", code, (*LANGUAGES, *CONTROLS, MIXED_DEFAULT))
    everywhere, of_goal = Shift(shift.names), Shift(shift.in_goal)
    voices = _voice(goal, everywhere, of_goal), _voice(frame, everywhere), _voice(observation, everywhere)
    return Speaker(language, shift.name, *voices)


@cache
def _voice(language: str, *shifts: Shift) -> Voice:
    """Make the voice of a language, or of English in cipher; later shifts go before earlier ones."""
    spoken = "en" if language == "cipher" else language
    words: dict[str, Any] = {}
    for shift in shifts:
        for key, entry in changes(shift, spoken).items():
            words[key] = {**words.get(key, {}), **entry} if isinstance(entry, dict) else entry
    grammar = Grammar(make_lexicon(spoken, words))
    return Voice(spoken, grammar, english_cipher().encode if language == "cipher" else str)


@cache
def english_cipher() -> Cipher:
    """Return the cipher of all words that English uses under any shift."""
    return Cipher(word for shift in shift_names() for word in speaker("en", shift).words())
