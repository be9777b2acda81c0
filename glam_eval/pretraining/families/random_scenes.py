"""Random scenes: what is seen, what is asked, and who says it. Drawn freely, from no world and no episode."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from glam_eval.core.world import DoorState, GoTo, Instruction, Open, PickUp, Reference, Sighting, Thing, View
from glam_eval.language import LANGUAGES, Speaker, speaker
from glam_eval.language.inventory import COLORS

SIDE = 3  # columns to either side of the agent in its 7x7 view
REACH = 6  # rows ahead of it
CELLS = tuple((x, y) for x in range(-SIDE, SIDE + 1) for y in range(REACH, -1, -1) if (x, y) != (0, 0))
MOVABLE = ("key", "ball", "box")
NOUNS = (*MOVABLE * 5, "door", "door", "goal", "lava")  # about as often as levels show them
OFFERED_SHARE = 0.4  # of the items with choices that list them
SHIFTS = (*["none"] * 13, *["synonym_colors"] * 4, "new_nouns", "goal_intro_agent", "goal_intro_speaker")


Side = Literal["left", "right", "forward"]
SIDES: tuple[Side, ...] = ("left", "right", "forward")
Place = tuple[int, int]  # steps right (negative: left) and forward


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the curriculum: how much variety its scenes and its layouts have."""

    languages: tuple[float, ...] = (10, 3, 3, 3, 3, 3)  # weights, in the order of ``LANGUAGES``
    shifts: tuple[str, ...] = SHIFTS
    views: tuple[int, ...] = (1, 1, 2, 3)  # observations of an item, drawn evenly
    fewest: int = 1  # things in an observation, where no family asks for more
    most: int = 7
    absent: bool = True  # whether the thing that is asked for may be out of sight
    walls: bool = True  # whether observations tell of walls
    partly_named: bool = True  # whether goals may name a noun or a colour alone
    layouts: bool = True  # whether texts are laid out in all ways, or in the first alone
    bare_names: float = 0.1  # share of the goals that are said as the name of their thing
    offers: bool = True  # whether answers may be listed to choose from


class StageRandom(random.Random):
    """Random numbers for the scenes of a stage of the curriculum."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.stage = Stage()


@dataclass(frozen=True, slots=True)
class Setting:
    """Who speaks: the language of question and answer, the goal's speaker and the observations'."""

    language: str
    goal: Speaker
    observation: Speaker

    @property
    def answer(self) -> Speaker:
        """The speaker of the answer: the question's language, with the observations' words for things."""
        return speaker(self.language, self.observation.shift)

    @property
    def named(self) -> Speaker:
        """The speaker of an answer about the goal: the question's language, with the goal's words."""
        return speaker(self.language, self.goal.shift)


def draw_language(generator: StageRandom) -> str:
    """Return one of the languages."""
    return generator.choices(LANGUAGES, generator.stage.languages)[0]


def draw_setting(generator: StageRandom) -> Setting:
    """Return who speaks: mostly one speaker; at times goal or observations in other words or languages."""
    language = draw_language(generator)
    goal = observation = (language, generator.choice(generator.stage.shifts))
    chance = generator.random()
    if chance < 0.08:
        goal = (draw_language(generator), goal[1])
    elif chance < 0.16:
        observation = (draw_language(generator), observation[1])
    elif chance < 0.24 and "synonym_colors" in generator.stage.shifts:
        words = ["none", "synonym_colors"]
        generator.shuffle(words)
        goal, observation = (language, words[0]), (language, words[1])
    return Setting(language, speaker(*goal), speaker(*observation))


def draw_thing(generator: StageRandom) -> Thing:
    """Return a thing."""
    noun = generator.choice(NOUNS)
    state = generator.choice(get_args(DoorState)) if noun == "door" else None
    return Thing(noun, generator.choice(COLORS), state)


def draw_target(generator: StageRandom) -> tuple[Thing, Reference]:
    """Return a thing that goals speak of, and how a goal names it: mostly by noun and colour."""
    noun = generator.choice((*MOVABLE * 3, "door"))
    state = generator.choice(get_args(DoorState)) if noun == "door" else None
    thing = Thing(noun, generator.choice(COLORS), state)
    chance = generator.random() if generator.stage.partly_named else 0.0
    named = noun if chance < 0.9 else None
    color = thing.color if chance < 0.75 or named is None else None
    return thing, Reference(named, color, generator.random() < 0.8)


def matches(reference: Reference, thing: Thing | None) -> bool:
    """Whether a thing is one that a reference names."""
    return (
        thing is not None and reference.noun in (None, thing.noun) and reference.color in (None, thing.color)
    )


def draw_task(generator: StageRandom, reference: Reference) -> Instruction:
    """Return an instruction about one thing."""
    if reference.noun == "door":
        return generator.choice((GoTo, Open))(reference)
    return generator.choice((GoTo, GoTo, PickUp))(reference)


def draw_place(generator: StageRandom, side: Side | None = None) -> Place:
    """Return a place in view, on one side where one is given; "forward" is straight ahead."""
    if side == "forward":
        return 0, generator.randint(1, REACH)
    if side is None:
        return generator.choice(CELLS)
    right = generator.randint(1, SIDE)
    return (right if side == "right" else -right), generator.randint(0, REACH)


def side_of(place: Place) -> Side:
    """Return the side of a place; what is neither left nor right is straight ahead."""
    return "left" if place[0] < 0 else "right" if place[0] > 0 else "forward"


def distance(place: Place) -> int:
    """Return the number of steps to a place, sideways and forward added."""
    return abs(place[0]) + place[1]


def draw_view(
    generator: StageRandom,
    count: int,
    fixed: Sequence[tuple[Thing, Place]] = (),
    allowed: Callable[[Thing], bool] | None = None,
    carrying: Thing | None = None,
) -> View:
    """Return a view of up to three walls and ``count`` things, told in the order of real ones.

    ``fixed`` things are among them, where they are said to be; the others satisfy ``allowed``.
    """
    walls = _walls(generator) if generator.stage.walls else []
    taken = {(wall.right, wall.forward) for wall in walls}
    fixed_places = {place for _, place in fixed}
    walls = [wall for wall in walls if (wall.right, wall.forward) not in fixed_places]
    seen = {place: thing for thing, place in fixed}
    while len(seen) < count:
        place, thing = generator.choice(CELLS), draw_thing(generator)
        if place not in seen and place not in taken and (allowed is None or allowed(thing)):
            seen[place] = thing
    # Columns from the left, each from the far end, as the environment tells them.
    ordered = sorted(seen.items(), key=lambda entry: (entry[0][0], -entry[0][1]))
    return View(carrying, (*walls, *(Sighting(thing, *place) for place, thing in ordered)))


def _walls(generator: StageRandom) -> list[Sighting]:
    """Return up to three walls, ahead and to the sides."""
    walls = []
    if generator.random() < 0.7:
        walls.append(Sighting(None, 0, generator.randint(1, REACH)))
    if generator.random() < 0.4:
        walls.append(Sighting(None, -generator.randint(1, SIDE), 0))
    if generator.random() < 0.4:
        walls.append(Sighting(None, generator.randint(1, SIDE), 0))
    return walls
