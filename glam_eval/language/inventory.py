"""Language-free records that use every word, form and construction of a lexicon at least once."""

from collections.abc import Iterator
from itertools import cycle, product
from typing import Literal, get_args

from glam_eval.core.world import (
    Both,
    DoorState,
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

NOUNS = ("key", "ball", "box", "door", "goal", "lava")  # MiniGrid's objects that a view tells of
COLORS = ("red", "green", "blue", "purple", "yellow", "grey")
LOCATIONS: tuple[Literal["left", "right", "front", "behind"], ...] = ("left", "right", "front", "behind")
REACH = 6  # cells from the agent to the far edge of its 7x7 view


def things() -> Iterator[Thing]:
    """Yield every thing of every colour, doors in every state."""
    for noun, color in product(NOUNS, COLORS):
        if noun != "door":
            yield Thing(noun, color)
        else:
            yield from (Thing(noun, color, state) for state in get_args(DoorState))


def sightings() -> Iterator[Sighting]:
    """Yield walls at every distance, and every thing straight ahead, on either side and on the diagonal."""
    for distance in range(1, REACH + 1):
        for right, forward in ((0, distance), (-distance, 0), (distance, 0)):
            yield Sighting(None, right, forward)
    distances = cycle(range(1, REACH // 2 + 1))  # columns reach three cells to either side
    for thing in things():
        side, ahead = next(distances), next(distances)
        for right, forward in ((0, ahead), (-side, 0), (side, 0), (-side, ahead), (side, ahead)):
            yield Sighting(thing, right, forward)


def references(nouns: tuple[str | None, ...] = (None, "key", "ball", "box", "door")) -> Iterator[Reference]:
    """Yield every way to name a thing: noun or none, colour or none, "a" and "the", each location."""
    for noun, color, definite in product(nouns, (None, *COLORS), (True, False)):
        yield Reference(noun, color, definite)
    for noun, definite, location in product(nouns, (True, False), LOCATIONS):
        yield Reference(noun, None, definite, location)


def instructions() -> Iterator[Instruction]:
    """Yield every verb with every reference it takes, and every pair of verbs in every sequence."""
    movable = list(references((None, "key", "ball", "box")))
    yield from map(GoTo, references())
    yield from map(PickUp, movable)
    yield from map(Open, references(("door",)))
    besides = list(references())
    for index, target in enumerate(movable):
        yield PutNext(target, besides[-1 - index % len(besides)])
    key, ball = Reference("key", "red", True), Reference("ball", "green", False)
    box, door = Reference("box", "blue", True), Reference("door", "grey", True)
    simple: list[Instruction] = [GoTo(box), PickUp(key), Open(door), PutNext(ball, box)]
    for first, second in product(simple, repeat=2):
        yield from (Then(first, second), Then(first, second, after=True), Both(first, second))
        yield Then(Both(first, second), Both(second, first))
        yield Then(Both(first, second), Both(second, first), after=True)
