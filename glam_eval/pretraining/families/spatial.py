"""Spatial language: sides, distances, lines, opposites, and what a change of direction does to sides.

The texts say where things are, not that anyone sees them, and set no goal.
"""

from collections.abc import Sequence

from glam_eval.language import speaker
from glam_eval.language.grammar import Grammar
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.choices import choices_among, number_choices
from glam_eval.pretraining.families.compose import ask, offer
from glam_eval.pretraining.families.phrases import meanings, phrases
from glam_eval.pretraining.families.random_scenes import (
    OFFERED_SHARE,
    SHIFTS,
    Place,
    StageRandom,
    distance,
    draw_language,
    draw_place,
    draw_thing,
    side_of,
)

AROUND = ("front", "right", "behind", "left")  # clockwise, as lexicons key them
MOST_TURNS = 3


def side(generator: StageRandom) -> Example:
    """A thing at a place; whether it is to the left or to the right."""
    language, grammar = _voice(generator)
    place = draw_place(generator, generator.choice(("left", "right")))
    words = phrases(language).words
    answers = (words["left"], words["right"])
    told = _tell(generator, language, grammar, [place])
    return _example(generator, "side", language, words[side_of(place)], answers, told)


def straight(generator: StageRandom) -> Example:
    """A thing at a place; whether it is straight ahead."""
    language, grammar = _voice(generator)
    truth = generator.random() < 0.5
    place = draw_place(generator, "forward" if truth else generator.choice(("left", "right")))
    return _yes_or_no(generator, "straight", language, truth, _tell(generator, language, grammar, [place]))


def line(generator: StageRandom) -> Example:
    """Two things at places; whether they share a row or a column."""
    language, grammar = _voice(generator)
    truth = generator.random() < 0.5
    first, second = draw_place(generator), draw_place(generator)
    while first == second or (first[0] == second[0] or first[1] == second[1]) != truth:
        first, second = draw_place(generator), draw_place(generator)
    return _yes_or_no(
        generator, "line", language, truth, _tell(generator, language, grammar, [first, second])
    )


def steps(generator: StageRandom) -> Example:
    """A thing at a place; how many steps it is away, sideways and forward added."""
    language, grammar = _voice(generator)
    place = draw_place(generator)
    number = distance(place)
    told = _tell(generator, language, grammar, [place])
    return _example(generator, "steps", language, str(number), number_choices(generator, number), told)


def nearer(generator: StageRandom) -> Example:
    """Two things at places; which is fewer steps away."""
    return _compare(generator, "nearer")


def farther(generator: StageRandom) -> Example:
    """Two things at places; which is more steps away."""
    return _compare(generator, "farther")


def more(generator: StageRandom) -> Example:
    """Two numbers of steps in one direction; the greater."""
    language, grammar = _voice(generator)
    few, many = sorted(generator.sample(range(1, 10), 2))
    way = generator.choice(((-1, 0), (1, 0), (0, 1)))
    less, greater = (grammar.place(way[0] * n, way[1] * n) for n in (few, many))
    pair = _shuffled(generator, less, greater)
    return _example(generator, "more", language, greater, pair, "", first=pair[0], second=pair[1])


def turned(generator: StageRandom) -> Example:
    """One to three quarter turns; where what was ahead, behind or on a side is then."""
    language, grammar = _voice(generator)
    turns, start = generator.randint(1, MOST_TURNS), generator.randrange(4)
    to_right = generator.random() < 0.5
    end = (start - turns if to_right else start + turns) % 4
    around = [grammar.lexicon.locations[name] for name in AROUND]
    words = phrases(language)
    slots = {
        "turns": words.turns[str(turns)],
        "side": words.words["right" if to_right else "left"],
        "place": around[start],
    }
    return _example(generator, "turned", language, around[end], tuple(around), "", **slots)


def opposite(generator: StageRandom) -> Example:
    """A word; its opposite."""
    language = draw_language(generator)
    pairs = meanings(language).opposites
    word, target = _shuffled(generator, *generator.choice(pairs))
    others = [other for pair in pairs for other in pair if other != word]
    return _example(
        generator, "opposite", language, target, choices_among(generator, target, others), "", word=word
    )


def _voice(generator: StageRandom) -> tuple[str, Grammar]:
    """Return a language and a grammar of it, with the words of some shift."""
    language = draw_language(generator)
    return language, speaker(language, generator.choice(SHIFTS)).goal_voice.grammar


def _shuffled(generator: StageRandom, first: str, second: str) -> tuple[str, str]:
    return (first, second) if generator.random() < 0.5 else (second, first)


def _tell(generator: StageRandom, language: str, grammar: Grammar, places: Sequence[Place]) -> str:
    """Return sentences that say of things where they are."""
    told = phrases(language).there_is
    return " ".join(
        told.format(thing=grammar.thing(draw_thing(generator)), place=grammar.place(*place))
        for place in places
    )


def _compare(generator: StageRandom, kind: str) -> Example:
    """Return a question which of two things at different distances is the nearer or the farther one."""
    language, grammar = _voice(generator)
    first, second = draw_place(generator), draw_place(generator)
    while distance(first) == distance(second):
        second = draw_place(generator)
    names = [grammar.thing(draw_thing(generator))] * 2
    while names[0] == names[1]:
        names[1] = grammar.thing(draw_thing(generator))
    told = " ".join(
        phrases(language).there_is.format(thing=name, place=grammar.place(*place))
        for name, place in zip(names, (first, second), strict=True)
    )
    wanted = min if kind == "nearer" else max
    target = names[wanted((0, 1), key=lambda i: distance((first, second)[i]))]
    pair = _shuffled(generator, *names)
    return _example(generator, kind, language, target, pair, told, first=pair[0], second=pair[1])


def _yes_or_no(generator: StageRandom, kind: str, language: str, truth: bool, told: str) -> Example:
    words = phrases(language).words
    answers = (words["yes"], words["no"])
    return _example(generator, kind, language, answers[not truth], answers, told)


def _example(
    generator: StageRandom,
    kind: str,
    language: str,
    target: str,
    choices: tuple[str, ...],
    told: str,
    **slots: str,
) -> Example:
    """Return a question after or before what is told, at times with the answers to choose from."""
    last = not told or generator.random() < 0.7
    question = ask(generator, kind, language, last, **slots)
    listed = offer(generator, language, choices) if generator.random() < OFFERED_SHARE else ""
    parts = [told, question] if last else [question, told]
    return Example(kind, listed + " ".join(filter(None, parts)), target, language, choices)
