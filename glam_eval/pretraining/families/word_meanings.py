"""What words mean: synonyms, definitions, kinds of words, translation, and saying a text again.

Phrases of actions occur here, next to their synonyms, definitions and translations, and nowhere else.
"""

from collections.abc import Callable

from glam_eval.core.world import Sighting
from glam_eval.language import ACTION_SETS, LANGUAGES, Speaker, speaker
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.choices import choices_among
from glam_eval.pretraining.families.compose import ask, offer
from glam_eval.pretraining.families.phrases import meanings, phrases
from glam_eval.pretraining.families.random_scenes import (
    OFFERED_SHARE,
    StageRandom,
    draw_language,
    draw_place,
    draw_target,
    draw_task,
    draw_thing,
)
from glam_eval.pretraining.families.word_lists import ACTION_SHIFTS, names, synonyms, words

CATEGORIES = ("nouns", "colors", "actions")
Render = Callable[[Speaker], str]  # one content in the words of any speaker


def synonym(generator: StageRandom) -> Example:
    """A word, a phrase of an action or a coloured thing; another way to say it."""
    language = draw_language(generator)
    if generator.random() < 0.3:
        word, target, others = _coloured(generator, language)
    else:
        entry = generator.choice(synonyms(language))
        word, target = generator.sample(entry.names, 2)
        others = [name for name in names(language, entry.category) if name not in entry.names]
    return _example(
        generator, "synonym", language, target, choices_among(generator, target, others), word=word
    )


def _coloured(generator: StageRandom, language: str) -> tuple[str, str, list[str]]:
    """Return a thing with the plain and the rarer word for its colour, in any order, and other things."""
    shifts = ["none", "synonym_colors"]
    generator.shuffle(shifts)
    first, second = (speaker(language, shift).goal_voice.grammar for shift in shifts)
    thing = draw_thing(generator)
    others = [second.thing(draw_thing(generator)) for _ in range(4)]
    return first.thing(thing), second.thing(thing), others


def same_meaning(generator: StageRandom) -> Example:
    """Two words or phrases; whether they mean the same."""
    language = draw_language(generator)
    entry = generator.choice(synonyms(language))
    word, other = generator.sample(entry.names, 2)
    truth = generator.random() < 0.5
    if not truth:
        strangers = [name for name in names(language, entry.category) if name not in entry.names]
        other = generator.choice(strangers)
    said = phrases(language).words
    answers = (said["yes"], said["no"])
    return _example(generator, "same_meaning", language, answers[not truth], answers, word=word, other=other)


def definition(generator: StageRandom) -> Example:
    """A word; its definition."""
    language = draw_language(generator)
    entry = generator.choice(words(language))
    others = [other.definition for other in words(language)]
    choices = choices_among(generator, entry.definition, others)
    word = generator.choice(entry.names)
    return _example(generator, "definition", language, entry.definition, choices, word=word)


def defined(generator: StageRandom) -> Example:
    """A definition; its word."""
    language = draw_language(generator)
    entry = generator.choice(words(language))
    target = generator.choice(entry.names)
    others = [name for name in names(language, entry.category) if name not in entry.names]
    choices = choices_among(generator, target, others)
    return _example(generator, "defined", language, target, choices, definition=entry.definition)


def category(generator: StageRandom) -> Example:
    """A word; whether it is a thing, a colour, an action, a number or a side."""
    language = draw_language(generator)
    kinds = meanings(language).categories
    key = generator.choice(list(kinds))
    said = phrases(language)
    if key == "numbers":
        word = str(generator.randint(1, 99))
    elif key == "sides":
        word = generator.choice([said.words["left"], said.words["right"], said.words["forward"]])
    else:
        word = generator.choice(names(language, key))
    choices = tuple(sorted(kinds.values()))
    options = f" {said.alternative} ".join(choices)
    return _example(generator, "category", language, kinds[key], choices, word=word, options=options)


def translation(generator: StageRandom) -> Example:
    """A word, phrase, sentence or goal in one language; the same in another."""
    target_language = draw_language(generator)
    source_language = generator.choice([code for code in LANGUAGES if code != target_language])
    draw = generator.choice(
        (_thing, _thing, _name, _place, _sighting, _sighting, _goal, _action, _action, _label)
    )
    renders = [draw(generator) for _ in range(4)]
    source, target = renders[0](speaker(source_language)), renders[0](speaker(target_language))
    choices = choices_among(generator, target, [render(speaker(target_language)) for render in renders[1:]])
    slots = {"from": phrases(target_language).languages[source_language], "text": source}
    return _example(generator, "translation", target_language, target, choices, **slots)


def any_action(generator: StageRandom) -> Example:
    """A list of actions, at times before a few definitions, with no goal or observation; any one, evenly.

    It teaches that one of what is listed may be said, and to prefer none.
    """
    language = draw_language(generator)
    actions = generator.choice((_prompt_actions, _actions))(generator)(speaker(language))
    words_of = [generator.choice(words(language)) for _ in range(generator.randint(0, 4))]
    told = [f"{entry.names[0]}: {entry.definition}" for entry in words_of if entry.category != "actions"]
    said = phrases(language)
    separator = generator.choice((", ", " \n "))
    lines = [f"{said.possible} {separator.join(actions)}", *told, said.answer]
    return Example("any_action", " \n ".join(lines), generator.choice(actions), language)


def copy(generator: StageRandom) -> Example:
    """A text or the list of actions; the same again."""
    voice = speaker(draw_language(generator))
    draw = generator.choice((_thing, _place, _sighting, _goal, _action, _listed_actions))
    text = draw(generator)(voice)
    return _example(generator, "copy", voice.language, text, (), text=text)


def _thing(generator: StageRandom) -> Render:
    thing, shift = draw_thing(generator), _shift(generator, "synonym_colors", "new_nouns")
    return lambda voice: speaker(voice.language, shift).goal_voice.grammar.thing(thing)


def _name(generator: StageRandom) -> Render:
    reference = draw_target(generator)[1]
    return lambda voice: voice.goal_voice.grammar.name(reference)


def _place(generator: StageRandom) -> Render:
    place = draw_place(generator)
    return lambda voice: voice.goal_voice.grammar.place(*place)


def _sighting(generator: StageRandom) -> Render:
    sighting = Sighting(draw_thing(generator), *draw_place(generator))
    shift = _shift(generator, "synonym_colors", "new_nouns")
    return lambda voice: speaker(voice.language, shift).goal_voice.grammar.sighting(sighting)


def _goal(generator: StageRandom) -> Render:
    task = draw_task(generator, draw_target(generator)[1])
    shift = _shift(generator, "synonym_colors", "infinitive_goal")
    return lambda voice: speaker(voice.language, shift).goal(task)


def _action(generator: StageRandom) -> Render:
    index, shift = generator.randrange(len(ACTION_SETS["augmented"])), _shift(generator, *ACTION_SHIFTS)
    return lambda voice: speaker(voice.language, shift).actions("augmented")[index]


def _listed_actions(generator: StageRandom) -> Render:
    """Return a list of actions in any order."""
    actions = _actions(generator)
    return lambda voice: ", ".join(actions(voice))


def _label(generator: StageRandom) -> Render:
    """Return a label of the agents' prompts, alone: what it says, not what stands behind it."""
    shift = _shift(generator, "goal_intro_agent", "goal_intro_speaker")
    name = generator.choice(list(speaker("en").phrases("paper")))
    return lambda voice: speaker(voice.language, shift).phrases("paper")[name]


def _actions(generator: StageRandom) -> Callable[[Speaker], list[str]]:
    """Return two to six actions in any order."""
    shift, order = _shift(generator, *ACTION_SHIFTS), generator.sample(range(6), generator.randint(2, 6))
    return lambda voice: [speaker(voice.language, shift).actions()[i] for i in order]


def _prompt_actions(generator: StageRandom) -> Callable[[Speaker], list[str]]:
    """Return a whole set of actions in its own order."""
    shift, name = _shift(generator, *ACTION_SHIFTS), generator.choice(list(ACTION_SETS))
    return lambda voice: list(speaker(voice.language, shift).actions(name))


def _shift(generator: StageRandom, *shifts: str) -> str:
    """Return no shift, or one of some."""
    return generator.choice(("none", "none", *shifts))


def _example(
    generator: StageRandom, kind: str, language: str, target: str, choices: tuple[str, ...], **slots: str
) -> Example:
    """Return a question on words, at times with the answers to choose from."""
    question = ask(generator, kind, language, last=True, **slots)
    listed = offer(generator, language, choices) if choices and generator.random() < OFFERED_SHARE else ""
    return Example(kind, listed + question, target, language, choices)
