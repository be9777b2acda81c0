"""From a question, a goal and observations to the text that a model reads, in the layouts of prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from glam_eval.core.world import Instruction, View
from glam_eval.language import template
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.families.phrases import Kind, phrases
from glam_eval.pretraining.families.random_scenes import OFFERED_SHARE, Setting, StageRandom


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
    """Return an item in one of its layouts: lines as in the paper's prompt, or prose.

    The question comes after or before the text or, where it has no slots, is a label alone: "Side 2: "
    after the observation 2, as prompts have "Action 2: ".
    """
    words = phrases(item.setting.language)
    kind = words.kinds[item.kind]
    offer = _offer(generator, item, kind)
    if not item.slots and generator.random() < 0.6:
        source = offer + _labelled(generator, item, kind)
    else:
        ask = generator.choice(kind.ask).format(**item.slots)
        # Prose doesn't number observations, so it tells of one alone.
        prose = generator.random() < 0.4 and len(item.views) < 2
        text = _prose(item) if prose else _lines(item)
        chance = generator.random()
        if chance < 0.4:
            source = f"{offer}{text} \n {words.question} {ask} \n {words.answer}"
        elif chance < 0.7:
            source = f"{offer}{text} {ask}"
        else:
            source = f"{offer}{ask} \n {text}"
    return Example(item.kind, source.strip(), item.answers[-1], item.setting.language, item.choices)


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
    if not item.choices or generator.random() >= OFFERED_SHARE:
        return ""
    return offer(generator, item.setting.language, item.choices, kind.possible)


def _goal(item: Item, layout: str, end: str) -> str:
    """Return the goal as a template introduces it, or nothing."""
    if item.task is None:
        return ""
    speaker = item.setting.goal
    return f"{speaker.phrases(layout)['goal_introduction']} {speaker.goal(item.task)}{end}"


def _labelled(generator: StageRandom, item: Item, kind: Kind) -> str:
    """Return the paper's lines with the label after the newest observation, at times after each."""
    paper = template("paper")
    voice = item.setting.observation
    names = voice.phrases("paper")
    each = generator.random() < 0.5
    parts = [_goal(item, "paper", "")]
    last = len(item.views) - 1
    for i, (view, answer) in enumerate(zip(item.views, item.answers, strict=False)):
        parts.append(paper.before_observation.format(i=i, **names))
        parts.append(paper.after_sentence.join([*voice.observation(view), ""]))
        if each or i == last:
            parts.append(paper.before_action.format(i=i, action=kind.label))
        if each and i < last:
            parts.append(answer)
    if not item.views:
        parts.append(f" \n {kind.label}:")
    return "".join(parts)


def _lines(item: Item) -> str:
    """Return goal and observations as the paper's prompt has them."""
    paper = template("paper")
    voice = item.setting.observation
    names = voice.phrases("paper")
    parts = [_goal(item, "paper", "")]
    for i, view in enumerate(item.views):
        parts.append(paper.before_observation.format(i=i, **names))
        parts.append(paper.after_sentence.join([*voice.observation(view), ""]))
    return "".join(parts).strip()


def _prose(item: Item) -> str:
    """Return goal and observations as sentences."""
    told = [f"{sentence}." for view in item.views for sentence in item.setting.observation.observation(view)]
    return " ".join(filter(None, [_goal(item, "prose", "."), *told]))
