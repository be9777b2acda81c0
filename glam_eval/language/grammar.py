"""The grammar engine, from language-free records to sentences; what differs by language is in the lexicon."""

import re

from glam_eval.core.errors import unknown
from glam_eval.core.world import (
    Both,
    GoTo,
    Instruction,
    Open,
    PickUp,
    PutNext,
    Reference,
    Sighting,
    Then,
    Thing,
)
from glam_eval.language.lexicon import ByCase, Forms, Lexicon

SLOT = re.compile(r"\{(?:([^{}]+) )?(\w+)\}")  # {target} or {preposition target}


def _form(forms: Forms, gender: str) -> str:
    """Return the form that agrees with a gender."""
    return forms if isinstance(forms, str) else forms[gender]


def _lookup(table: ByCase, case: str, definite: bool, gender: str) -> str:
    """Return the article or ending of a case, a definiteness and a gender."""
    return _form(table[case]["definite" if definite else "indefinite"], gender)


class Grammar:
    """Makes the sentences of one language out of its lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def sighting(self, sighting: Sighting) -> str:
        """Return the sentence about a thing or a wall in view."""
        where = self._where(sighting.right, sighting.forward)
        if sighting.thing is None:
            return self._join(self.lexicon.sentences["wall"].format(where=where))
        thing = self._thing(sighting.thing)
        return self._join(self.lexicon.sentences["see"].format(thing=thing, where=where))

    def carrying(self, thing: Thing) -> str:
        """Return the sentence about the thing in the agent's hands."""
        return self._join(self.lexicon.sentences["carry"].format(thing=self._thing(thing)))

    def thing(self, thing: Thing) -> str:
        """Return a thing as sentences name it, with the indefinite article."""
        return self._join(self._thing(thing))

    def name(self, reference: Reference) -> str:
        """Return a thing as goals name it."""
        return self._join(self._reference(reference, ""))

    def place(self, right: int, forward: int) -> str:
        """Return a place relative to the agent; units: grid cells, ``right`` negative to the left."""
        return self._join(self._where(right, forward))

    def goal(self, instruction: Instruction) -> str:
        """Return the goal in the lexicon's mood (the imperative unless a shift says otherwise)."""
        return self._join(self._clause(instruction, self.lexicon.goal_mood))

    def _clause(self, instruction: Instruction, mood: str) -> str:
        """Return an instruction as one clause, or several linked, before contractions."""
        links = self.lexicon.links
        match instruction:
            case GoTo(target):
                return self._predicate("go_to", mood, target=target)
            case PickUp(target):
                return self._predicate("pick_up", mood, target=target)
            case Open(target):
                return self._predicate("open", mood, target=target)
            case PutNext(target, beside):
                return self._predicate("put_next", mood, target=target, beside=beside)
            case Then(first, second, after):
                earlier = self._clause(first, links["after_mood"] if after else mood)
                later = self._clause(second, mood)
                return links["after" if after else "then"].format(first=earlier, second=later)
            case Both(first, second):
                return links["both"].format(
                    first=self._clause(first, mood), second=self._clause(second, mood)
                )

    def _predicate(self, verb: str, mood: str, **references: Reference) -> str:
        """Fill the frame of a verb with noun phrases in the cases that their prepositions govern."""
        frames = self.lexicon.verbs[verb]
        if mood not in frames:
            raise unknown(f"{self.lexicon.name} mood", mood, frames)

        def fill(slot: re.Match[str]) -> str:
            preposition, role = slot.groups()
            return self._reference(references[role], preposition or "")

        return SLOT.sub(fill, frames[mood])

    def _reference(self, reference: Reference, preposition: str) -> str:
        """Return how a goal names a thing, after a preposition or none."""
        location = self.lexicon.locations[reference.location] if reference.location else ""
        return self._noun_phrase(
            reference.noun or "object", reference.color, None, reference.definite, location, preposition
        )

    def _thing(self, thing: Thing) -> str:
        """Return a thing as the object of a verb, with the indefinite article."""
        return self._noun_phrase(thing.noun, thing.color, thing.state, definite=False)

    def _noun_phrase(
        self,
        noun: str,
        color: str | None,
        state: str | None,
        definite: bool,
        location: str = "",
        preposition: str = "",
    ) -> str:
        """Return (preposition,) article, noun and all that agrees with the noun, in the language's order."""
        lexicon = self.lexicon
        if noun not in lexicon.nouns:
            raise unknown(f"{lexicon.name} thing", noun, lexicon.nouns)
        entry = lexicon.nouns[noun]
        case = lexicon.prepositions.get(preposition, lexicon.object_case)
        modified = color or state or location
        bare = bool(definite and preposition and lexicon.bare_after_preposition and not modified)
        parts = {
            "article": "" if bare else _lookup(lexicon.articles, case, definite, entry.gender),
            "state": self._adjective(lexicon.states, state, case, definite, entry.gender),
            "color": self._adjective(lexicon.colors, color, case, definite, entry.gender),
            "noun": entry.definite if definite and not bare and entry.definite else entry.text,
            "location": location,
        }
        return " ".join(filter(None, [preposition, *(parts[part] for part in lexicon.noun_phrase)]))

    def _adjective(
        self, adjectives: dict[str, Forms], name: str | None, case: str, definite: bool, gender: str
    ) -> str:
        """Return an adjective that agrees, or nothing where there is none."""
        if name is None:
            return ""
        if name not in adjectives:
            raise unknown(f"{self.lexicon.name} adjective", name, adjectives)
        forms = adjectives[name]
        if isinstance(forms, str) and self.lexicon.endings:
            return forms + _lookup(self.lexicon.endings, case, definite, gender)
        return _form(forms, gender)

    def _where(self, right: int, forward: int) -> str:
        """Return a place relative to the agent; units: grid cells, ``right`` negative to the left."""
        if right == 0:
            return self._distance("forward", forward)
        side = self._distance("right" if right > 0 else "left", abs(right))
        if forward == 0:
            return side
        return self.lexicon.where["diagonal"].format(side=side, forward=self._distance("forward", forward))

    def _distance(self, direction: str, steps: int) -> str:
        """Return a number of steps in a direction."""
        where = self.lexicon.where
        return where[direction].format(steps=f"{steps} {where['step' if steps == 1 else 'steps']}")

    def _join(self, text: str) -> str:
        """Apply the contractions and elisions of neighbouring words ("à le" is "au")."""
        for pattern, replacement in self.lexicon.sandhi:
            text = pattern.sub(replacement, text)
        return text
