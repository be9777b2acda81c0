"""Answers to choose from: the right one and others of its kind, sorted so that its place tells nothing."""

from collections.abc import Iterable, Sequence

from glam_eval.core.world import Thing
from glam_eval.language import speaker
from glam_eval.language.grammar import Grammar
from glam_eval.pretraining.families.random_scenes import Place, StageRandom, draw_place, draw_thing

COUNT = 4
MOST_STEPS = 9


def place_choices(
    generator: StageRandom, language: str, place: Place, others: Sequence[Place]
) -> tuple[str, ...]:
    """Return a place and three others, those of the text first, in words."""
    places = dict.fromkeys([place, *generator.sample(others, min(COUNT - 1, len(others)))])
    while len(places) < COUNT:
        places[draw_place(generator)] = None
    grammar = speaker(language).goal_voice.grammar
    return tuple(sorted(grammar.place(*each) for each in places))


def thing_choices(
    generator: StageRandom, grammar: Grammar, thing: Thing, others: Iterable[Thing], count: int = COUNT
) -> tuple[str, ...]:
    """Return a thing and others, those of the text first, in words."""
    names = dict.fromkeys([grammar.thing(thing)])
    for other in others:
        if len(names) < count:
            names[grammar.thing(other)] = None
    while len(names) < count:
        names[grammar.thing(draw_thing(generator))] = None
    return tuple(sorted(names))


def number_choices(generator: StageRandom, number: int) -> tuple[str, ...]:
    """Return a number from 1 to 9 and three others, as digits."""
    others = [str(n) for n in range(1, MOST_STEPS + 1) if n != number]
    return tuple(sorted([str(number), *generator.sample(others, COUNT - 1)]))


def choices_among(generator: StageRandom, right: str, others: Iterable[str]) -> tuple[str, ...]:
    """Return the right answer and up to three of the others."""
    pool = list(dict.fromkeys(other for other in others if other != right))
    return tuple(sorted([right, *generator.sample(pool, min(COUNT - 1, len(pool)))]))
