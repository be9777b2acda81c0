"""Reading comprehension: questions on an observation, at times after an older one or a goal."""

from collections.abc import Sequence

from glam_eval.core.world import Reference, Thing, View
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.choices import number_choices, place_choices, thing_choices
from glam_eval.pretraining.families.compose import Item, compose
from glam_eval.pretraining.families.phrases import phrases
from glam_eval.pretraining.families.random_scenes import (
    SIDES,
    Place,
    Setting,
    StageRandom,
    draw_place,
    draw_setting,
    draw_target,
    draw_task,
    draw_thing,
    draw_view,
    side_of,
)

MOST_LISTED = 3  # things in an answer


def place_of(generator: StageRandom) -> Example:
    """An observation and a thing of it; where the thing is."""
    setting, thing, place, view = _one(generator)
    grammar = setting.answer.goal_voice.grammar
    others = [(sighting.right, sighting.forward) for sighting in view.sightings]
    choices = place_choices(generator, setting.language, place, others)
    name = grammar.name(Reference(thing.noun, thing.color, definite=True))
    return _ask(generator, "place_of", setting, view, grammar.place(*place), choices, thing=name)


def thing_at(generator: StageRandom) -> Example:
    """An observation and a place of it; which thing is there."""
    setting, thing, place, view = _one(generator)
    grammar = setting.answer.goal_voice.grammar
    others = [sighting.thing for sighting in view.sightings if sighting.thing]
    choices = thing_choices(generator, grammar, thing, others)
    where = grammar.place(*place)
    return _ask(generator, "thing_at", setting, view, grammar.thing(thing), choices, place=where)


def seen(generator: StageRandom) -> Example:
    """An observation and a thing; whether it is in sight."""
    setting, thing, _, view = _one(generator)
    truth = generator.random() < 0.5
    if not truth:
        view = _view(generator, thing, None)
    words = phrases(setting.language).words
    name = setting.answer.goal_voice.grammar.name(Reference(thing.noun, thing.color, definite=False))
    answers = (words["yes"], words["no"])
    return _ask(generator, "seen", setting, view, answers[not truth], answers, thing=name)


def things_on(generator: StageRandom) -> Example:
    """An observation and a side; the things on it as a list, those straight ahead being "forward"."""
    setting, _, _, view = _one(generator)
    side = generator.choice(SIDES)
    listed = [s.thing for s in view.sightings if s.thing and side_of((s.right, s.forward)) == side]
    if len(listed) > MOST_LISTED:
        return things_on(generator)
    words = phrases(setting.language)
    answer = words.list.join(map(setting.answer.goal_voice.grammar.thing, listed)) or words.words["nothing"]
    return _ask(generator, "things_on", setting, view, answer, (), side=words.words[side])


def count(generator: StageRandom) -> Example:
    """An observation; how many things it has, walls not counted."""
    setting, _, _, view = _one(generator)
    number = sum(sighting.thing is not None for sighting in view.sightings)
    return _ask(generator, "count", setting, view, str(number), number_choices(generator, number))


def carried(generator: StageRandom) -> Example:
    """An observation; what is in the hands."""
    setting = draw_setting(generator)
    grammar = setting.answer.goal_voice.grammar
    nothing = phrases(setting.language).words["nothing"]
    thing = draw_thing(generator)
    empty = generator.random() < 0.25
    view = draw_view(
        generator, generator.randint(1, min(5, generator.stage.most)), carrying=None if empty else thing
    )
    others = [sighting.thing for sighting in view.sightings if sighting.thing]
    choices = thing_choices(generator, grammar, thing, others, 3)
    answer = nothing if empty else grammar.thing(thing)
    return _ask(generator, "carried", setting, view, answer, tuple(sorted({*choices, nothing})))


def _view(generator: StageRandom, thing: Thing, place: Place | None) -> View:
    """Return a view with a thing at a place, or without it; nothing else has its noun and colour."""

    def other(candidate: Thing) -> bool:
        return (candidate.noun, candidate.color) != (thing.noun, thing.color)

    return draw_view(
        generator,
        generator.randint(generator.stage.fewest, generator.stage.most),
        [(thing, place)] if place else (),
        other,
    )


def _one(generator: StageRandom) -> tuple[Setting, Thing, Place, View]:
    """Return who speaks, a thing, its place and a view in which it is the only such thing there."""
    setting, thing = draw_setting(generator), draw_thing(generator)
    place = draw_place(generator, generator.choice(SIDES))
    return setting, thing, place, _view(generator, thing, place)


def _ask(
    generator: StageRandom,
    kind: str,
    setting: Setting,
    view: View,
    answer: str,
    choices: Sequence[str],
    **slots: str,
) -> Example:
    """Return a question on the newest observation."""
    task = draw_task(generator, draw_target(generator)[1]) if generator.random() < 0.3 else None
    views, answers = [view], [answer]
    if slots and max(generator.stage.views) > 1 and generator.random() < 0.2:
        views.insert(0, draw_view(generator, generator.randint(1, 4)))
        answers.insert(0, "")
    return compose(generator, Item(kind, setting, answers, task, views, tuple(choices), slots))
