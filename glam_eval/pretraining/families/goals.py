"""Comprehension of a goal together with one to three observations: where is the thing that the goal names?

Every answer is a place, a side, a number, a thing, yes or no. What to do about it is never said.
"""

from collections.abc import Callable, Sequence

from glam_eval.core.world import Instruction, Reference, Then, Thing, View
from glam_eval.language.inventory import COLORS
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.choices import number_choices, place_choices
from glam_eval.pretraining.families.compose import Item, compose
from glam_eval.pretraining.families.phrases import phrases
from glam_eval.pretraining.families.random_scenes import (
    MOVABLE,
    SIDES,
    Place,
    Setting,
    StageRandom,
    distance,
    draw_place,
    draw_setting,
    draw_target,
    draw_task,
    draw_view,
    matches,
    side_of,
)

AHEAD = (0, 1)  # the cell in front of the agent


def goal_place(generator: StageRandom) -> Example:
    """Goal and observations; where the thing is: "2 steps left and 1 step forward"."""
    setting, task, views, places = _scene(generator, lambda: draw_place(generator, generator.choice(SIDES)))
    grammar = setting.answer.goal_voice.grammar
    answers = [grammar.place(*place) for place in places if place is not None]
    others = [(s.right, s.forward) for s in views[-1].sightings]
    choices = place_choices(generator, setting.language, places[-1] or AHEAD, others)
    return compose(generator, Item("goal_place", setting, answers, task, views, choices))


def goal_side(generator: StageRandom) -> Example:
    """Goal and observations; the side on which the thing is, straight ahead being "forward"."""

    def chosen() -> Place | None:
        sides = (*SIDES, *SIDES, None) if generator.stage.absent else SIDES
        side = generator.choice(sides)
        return side and draw_place(generator, side)

    setting, task, views, places = _scene(generator, chosen)
    words = phrases(setting.language).words
    answers = [words[side_of(place) if place else "nowhere"] for place in places]
    choices = tuple(words[name] for name in (*SIDES, "nowhere"))
    return compose(generator, Item("goal_side", setting, answers, task, views, choices))


def goal_seen(generator: StageRandom) -> Example:
    """Goal and observations; whether the thing is in sight."""
    return _yes_or_no(generator, "goal_seen", lambda yes: draw_place(generator) if yes else None)


def goal_near(generator: StageRandom) -> Example:
    """Goal and observations; whether the thing is the one right ahead."""

    def chosen(yes: bool) -> Place:
        place = AHEAD
        while not yes and place == AHEAD:
            place = draw_place(generator, generator.choice(SIDES))
        return place

    return _yes_or_no(generator, "goal_near", chosen)


def goal_steps(generator: StageRandom) -> Example:
    """Goal and observations; how many steps away the thing is, sideways and forward added."""
    setting, task, views, places = _scene(generator, lambda: draw_place(generator))
    answers = [str(distance(place)) for place in places if place is not None]
    choices = number_choices(generator, int(answers[-1]))
    return compose(generator, Item("goal_steps", setting, answers, task, views, choices))


def goal_thing(generator: StageRandom) -> Example:
    """A goal, at times with an observation; which thing it names."""
    setting = draw_setting(generator)
    thing, reference = draw_target(generator)
    views = _views(generator, thing, reference, [draw_place(generator)] * generator.choice((0, 0, 1)))
    answer, choices = _names(generator, setting, [reference])
    answers = [answer[0]] * max(1, len(views))
    item = Item("goal_thing", setting, answers, draw_task(generator, reference), views, choices)
    return compose(generator, item)


def first_thing(generator: StageRandom) -> Example:
    """A goal in two parts joined by "then" or "after"; the thing of the part that comes first."""
    return _ordered(generator, "first_thing", 0)


def last_thing(generator: StageRandom) -> Example:
    """A goal in two parts joined by "then" or "after"; the thing of the part that comes last."""
    return _ordered(generator, "last_thing", 1)


def _ordered(generator: StageRandom, kind: str, asked: int) -> Example:
    setting = draw_setting(generator)
    references = [draw_target(generator)[1], draw_target(generator)[1]]
    while references[0] == references[1]:
        references[1] = draw_target(generator)[1]
    first, second = (draw_task(generator, reference) for reference in references)
    task = Then(first, second, after=generator.random() < 0.5)
    answers, choices = _names(generator, setting, references)
    return compose(generator, Item(kind, setting, answers[asked : asked + 1], task, (), choices))


def _yes_or_no(generator: StageRandom, kind: str, chosen: Callable[[bool], Place | None]) -> Example:
    """Return a question whose answer is drawn before the place of the thing."""
    truths: list[bool] = []

    def draw() -> Place | None:
        truths.append(generator.random() < 0.5)
        return chosen(truths[-1])

    setting, task, views, _ = _scene(generator, draw)
    words = phrases(setting.language).words
    answers = [words["yes" if truth else "no"] for truth in truths]
    return compose(generator, Item(kind, setting, answers, task, views, (words["yes"], words["no"])))


def _scene(
    generator: StageRandom, chosen: Callable[[], Place | None]
) -> tuple[Setting, Instruction, list[View], list[Place | None]]:
    """Return who speaks, a goal about one thing, and views that have it where ``chosen`` says."""
    setting = draw_setting(generator)
    thing, reference = draw_target(generator)
    places = [chosen() for _ in range(generator.choice(generator.stage.views))]
    views = _views(generator, thing, reference, places)
    return setting, draw_task(generator, reference), views, places


def _views(
    generator: StageRandom, thing: Thing, reference: Reference, places: Sequence[Place | None]
) -> list[View]:
    """Return views in which the reference names the thing alone; 2 to 9 sentences, as real ones have."""
    fewest, most = generator.stage.fewest, min(generator.stage.most, 7 if len(places) < 3 else 5)

    def other(candidate: Thing) -> bool:
        return not matches(reference, candidate)

    return [
        draw_view(generator, generator.randint(fewest, most), [(thing, place)] if place else (), other)
        for place in places
    ]


def _names(
    generator: StageRandom, setting: Setting, references: Sequence[Reference]
) -> tuple[list[str], tuple[str, ...]]:
    """Return how the answer's language names things, and up to four names to choose from."""
    grammar = setting.named.goal_voice.grammar
    names = [grammar.name(reference) for reference in references]
    choices = dict.fromkeys(names)
    while len(choices) < 4:
        first = references[0]
        other = Reference(generator.choice(MOVABLE), generator.choice((*COLORS, None)), first.definite)
        choices[grammar.name(other)] = None
    return names, tuple(sorted(choices))
