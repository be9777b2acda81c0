"""From a question, a goal and observations to the text that a model reads.

The layouts are those of exercises: never the lines, nor the labels, of the agents' prompts, so that whatever
an agent makes of its prompt it has learned elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from glam_eval.core.world import GoTo, Instruction, Open, PickUp, View
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.phrases import Kind, phrases
from glam_eval.pretraining.families.random_scenes import OFFERED_SHARE, Setting, StageRandom

SEPARATORS = (". ", " \n ", ", ", "; ")  # between the sentences of an observation; the first is the plainest


@dataclass(frozen=True, slots=True)
class Item:
    """A question before it has words; ``answers`` is one for each view, the newest last."""

    kind: str
    setting: Setting
    answers: Sequence[str]
    task: Instruction | None = None
    views: Sequence[View] = ()
    choices: tuple[str, ...] = ()
    slots: dict[str, str] = field(default_factory=dict)  # of the phrasings that name what is asked


def compose(generator: StageRandom, item: Item) -> Example:
    """Return an item in one of its layouts: goal, observations and question in any order.

    The question stands last or first or, where it has no slots, is a label alone at the end: "Side:".
    """
    words = phrases(item.setting.language)
    kind = words.kinds[item.kind]
    any_layout = generator.stage.layouts
    told = [_seen(generator, item), _goal(generator, item)]
    if any_layout and generator.random() < 0.5:
        told.reverse()
    end = generator.choice((". ", " \n ")) if any_layout else ". "
    text = end.join(filter(None, told)) + "."
    question = (generator.choice(kind.ask) if any_layout else min(kind.ask, key=len)).format(**item.slots)
    chance = generator.random() if any_layout else 1.0
    if chance < 0.3 and not item.slots:
        source = f"{text} \n {kind.label}:"
    elif chance < 0.55:
        source = f"{question} \n {text}"
    elif chance < 0.75:
        source = f"{text} \n {words.question} {question} \n {words.answer}"
    else:
        source = f"{text} {question}"
    listed = _offer(generator, item, kind)
    return Example(item.kind, listed + source, item.answers[-1], item.setting.language, item.choices)


def ask(generator: StageRandom, kind_name: str, language: str, last: bool, **slots: str) -> str:
    """Return a question filled in; where it stands last, at times with a label that announces the answer."""
    words = phrases(language)
    kind = words.kinds[kind_name]
    question = generator.choice(kind.ask).format(**slots)
    if not last or question[-1] not in "?.":
        return question
    chance = generator.random()
    if chance < 0.3:
        return f"{question} {kind.label}:"
    return f"{words.question} {question} {words.answer}" if chance < 0.5 else question


def offer(
    generator: StageRandom, language: str, choices: Sequence[str], introduction: str | None = None
) -> str:
    """Return the line that lists the answers to choose from, in any order."""
    listed = list(choices)
    generator.shuffle(listed)
    return f"{introduction or phrases(language).possible} {', '.join(listed)} \n "


def _offer(generator: StageRandom, item: Item, kind: Kind) -> str:
    """Return the line of possible answers, or nothing."""
    if not item.choices or not generator.stage.offers or generator.random() >= OFFERED_SHARE:
        return ""
    return offer(generator, item.setting.language, item.choices, kind.possible)


def _goal(generator: StageRandom, item: Item) -> str:
    """Return the goal, or the name of its thing alone, or nothing."""
    if item.task is None:
        return ""
    bare = generator.random() < generator.stage.bare_names
    if bare and isinstance(item.task, (GoTo, PickUp, Open)):
        return item.setting.goal.goal_voice.grammar.name(item.task.target)
    return item.setting.goal.goal(item.task)


def _seen(generator: StageRandom, item: Item) -> str:
    """Return what is seen, the newest last; of several observations each is numbered."""
    separator = generator.choice(SEPARATORS) if generator.stage.layouts else SEPARATORS[0]
    seen = [separator.join(item.setting.observation.observation(view)) for view in item.views]
    if len(seen) < 2:
        return "".join(seen)
    return " \n ".join(f"{i}: {each}" for i, each in enumerate(seen))
