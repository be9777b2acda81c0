"""The line that pretraining does not cross, checked item by item, and how often each evaluation word occurs.

No item pairs what is seen or asked with an action: an item with an observation, a place or a goal holds no
phrase of an action, in any language's or shift's words, neither to choose from nor as the answer; none is
part of a trajectory, nor stands under the labels of the agents' prompts; no answer to an observation is a
goal; invented words never occur. Plain text holds no phrase of an action at all, since any two texts may be
read together.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from glam_eval.language import ACTION_SETS
from glam_eval.language.inventory import COLORS
from glam_eval.pretraining.evaluation_words import EvaluationWord, evaluation_words
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.phrasebook import phrasebook

PLAIN = "plain text"  # the family of what is no item
GROUNDED = {  # what the levels show, ask for and let do
    "nouns": ("key", "ball", "box", "door", "object"),
    "colors": COLORS,
    "actions": ACTION_SETS["canonical"],
}
ACTIONS = {"action", "action list", "action label"}


@dataclass(frozen=True, slots=True)
class Violation:
    """An item on the wrong side of the line."""

    rule: str
    family: str
    text: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found."""

    items: int
    tokens: int  # words of all texts
    violations: tuple[Violation, ...]
    occurrences: Mapping[EvaluationWord, int]
    trained: str  # the language that agents are trained in

    @property
    def passed(self) -> bool:
        """Whether no item crosses the line."""
        return not self.violations

    @property
    def words(self) -> pd.DataFrame:
        """A row for each evaluation word: how often it occurs, and how well it is therefore known.

        Columns: language, shift ("none": the words of training), kind, key of the lexicon, word, occurrences
        (in any form; a form that two languages share counts for both), per_million (of the words audited)
        and knowledge: "grounded" in training, "known" from pretraining alone, or "unseen".
        """
        return pd.DataFrame([self._row(word) for word in evaluation_words()])

    def _row(self, word: EvaluationWord) -> dict[str, str | int | float]:
        count = self.occurrences.get(word, 0)
        in_training = (word.language, word.shift) == (self.trained, "none")
        grounded = in_training and word.key in GROUNDED[word.kind]
        return {
            "language": word.language,
            "shift": word.shift,
            "kind": word.kind,
            "key": word.key,
            "word": word.forms[0],
            "occurrences": count,
            "per_million": 1e6 * count / max(1, self.tokens),
            "knowledge": "grounded" if grounded else "known" if count else "unseen",
        }


def audit(examples: Iterable[Example | str], trained: str = "en") -> Audit:
    """Return the audit of items and plain texts; ``trained`` is the language that agents are trained in."""
    occurrences: Counter[EvaluationWord] = Counter()
    violations: list[Violation] = []
    items = tokens = 0
    for example in examples:
        items += 1
        item = example if isinstance(example, Example) else Example(PLAIN, example, "")
        source, target = phrasebook().find(item.source), phrasebook().find(item.target)
        occurrences.update(match.word for match in (*source, *target) if match.word is not None)
        tokens += len(item.source.split()) + len(item.target.split())
        rules = _broken({m.kind for m in source}, {m.kind for m in target}, item.family == PLAIN)
        violations += [Violation(rule, item.family, f"{item.source} => {item.target}") for rule in rules]
    return Audit(items, tokens, tuple(violations), occurrences, trained)


def _broken(source: set[str], target: set[str], plain: bool) -> Iterator[str]:
    """Yield the rules that an item with phrases of these kinds breaks."""
    kinds = source | target
    if plain and "action" in kinds:
        yield "action in plain text"
    if "observation" in kinds and "action" in kinds:
        yield "action with an observation"
    if "goal" in kinds and "action" in kinds:
        yield "action with a goal"
    if kinds & {"observation", "goal"} and kinds & {"action list", "action label"}:
        yield "trajectory or choice of action"
    if kinds & {"observation", "goal"} and kinds & {"goal label", "observation label"}:
        yield "layout of the agents' prompts"
    if "observation" in source and "goal" in target:
        yield "goal as the answer to an observation"
    if "invented word" in kinds:
        yield "invented word"


def is_harmless(text: str) -> bool:
    """Whether a plain text holds no phrase, list or label of actions and no invented word."""
    return not {match.kind for match in phrasebook().find(text)} & {*ACTIONS, "invented word"}
