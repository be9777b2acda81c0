"""Plain text in the environment's style, in every language and under every shift with real words.

What is seen, what is asked, or both, and what words for things mean. Never the phrase of an action, since a
model may read any two texts next to each other.
"""

from glam_eval.pretraining.families.compose import SEPARATORS
from glam_eval.pretraining.families.phrases import phrases
from glam_eval.pretraining.families.random_scenes import (
    Setting,
    StageRandom,
    draw_language,
    draw_place,
    draw_setting,
    draw_target,
    draw_task,
    draw_thing,
    draw_view,
)
from glam_eval.pretraining.families.word_lists import defined_words


def text(generator: StageRandom) -> str:
    """Return a text of one to some sentences."""
    chance = generator.random()
    if chance < 0.55:
        return _scene(generator)
    if chance < 0.75:
        return _goal(generator)
    if chance < 0.85:
        return _definition(generator)
    return _places(generator)


def _sentences(generator: StageRandom, setting: Setting) -> list[str]:
    """Return the sentences of one view, with something carried now and then."""
    carrying = draw_thing(generator) if generator.random() < 0.2 else None
    view = draw_view(generator, generator.randint(1, 6), carrying=carrying)
    return list(setting.observation.observation(view))


def _scene(generator: StageRandom) -> str:
    """Return an observation, at times after a goal, its sentences set apart in any way."""
    setting = draw_setting(generator)
    sentences = _sentences(generator, setting)
    task = draw_task(generator, draw_target(generator)[1]) if generator.random() < 0.4 else None
    told = [setting.goal.goal(task), *sentences] if task else sentences
    separator = generator.choice(SEPARATORS)
    return separator.join(told) + "."


def _goal(generator: StageRandom) -> str:
    """Return a goal alone."""
    return draw_setting(generator).goal.goal(draw_task(generator, draw_target(generator)[1]))


def _definition(generator: StageRandom) -> str:
    """Return the meaning of a word for a thing or a colour, as a dictionary has it."""
    word, definition = generator.choice(defined_words(draw_language(generator)))
    return f"{word}: {definition}"


def _places(generator: StageRandom) -> str:
    """Return sentences on where things are that no one is said to see."""
    setting = draw_setting(generator)
    told = phrases(setting.language).there_is
    grammar = setting.answer.goal_voice.grammar
    return " ".join(
        told.format(thing=grammar.thing(draw_thing(generator)), place=grammar.place(*draw_place(generator)))
        for _ in range(generator.randint(1, 3))
    )
