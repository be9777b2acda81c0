"""Facts about things, as short as can be, and a question on one of them: looking up what is told of it.

"a red ball left. a grey key forward. a red ball?" From such texts a small model learns in minutes to look up
what a name stands beside; from whole sentences at once it does not.
"""

from collections.abc import Callable

from glam_eval.core.world import Thing
from glam_eval.language import Speaker, speaker
from glam_eval.language.inventory import COLORS
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.compose import SEPARATORS
from glam_eval.pretraining.families.phrases import phrases
from glam_eval.pretraining.families.random_scenes import (
    MOVABLE,
    SIDES,
    StageRandom,
    draw_language,
    draw_place,
)

MOST = 3  # facts in a text
LARGEST = 9


def fact_side(generator: StageRandom) -> Example:
    """Two or three things, each with a side; the side of one of them."""

    def told(voice: Speaker) -> str:
        return phrases(voice.language).words[generator.choice(SIDES)]

    return _facts(generator, "fact_side", told)


def fact_place(generator: StageRandom) -> Example:
    """Two or three things, each with a place; the place of one of them."""

    def told(voice: Speaker) -> str:
        return voice.goal_voice.grammar.place(*draw_place(generator, generator.choice(SIDES)))

    return _facts(generator, "fact_place", told)


def fact_number(generator: StageRandom) -> Example:
    """Two or three things, each with a number; the number of one of them."""
    return _facts(generator, "fact_number", lambda _: str(generator.randint(1, LARGEST)))


def _facts(generator: StageRandom, family: str, told: Callable[[Speaker], str]) -> Example:
    """Return facts and the name of the one thing that is asked for, before or after them."""
    voice = speaker(draw_language(generator), generator.choice(generator.stage.shifts))
    count = generator.randint(2, MOST)
    facts: dict[str, str] = {}
    while len(facts) < count or len(set(facts.values())) < 2:
        if len(facts) == count:
            facts.clear()
        thing = Thing(generator.choice(MOVABLE), generator.choice(COLORS))
        facts[voice.goal_voice.grammar.thing(thing)] = told(voice)
    any_layout = generator.stage.layouts
    separator = generator.choice(SEPARATORS) if any_layout else SEPARATORS[0]
    between = generator.choice((" ", ": ")) if any_layout else " "
    asked = generator.choice(list(facts))
    text = separator.join(f"{name}{between}{value}" for name, value in facts.items())
    first = any_layout and generator.random() < 0.5
    source = f"{asked}? {text}." if first else f"{text}. {asked}?"
    return Example(family, source, facts[asked], voice.language, tuple(sorted(set(facts.values()))))
