"""The instruction mixture and the plain text of pretraining: endless training draws, fixed held-out ones.

What is held out is decided by a text's words (``examples.is_held_out``), so no draw of training, of any
seed, can be an evaluation item.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from glam_eval.core.errors import unknown
from glam_eval.core.seeds import stream_seed
from glam_eval.pretraining.examples import Example, is_held_out
from glam_eval.pretraining.families import goals, prose, reading, spatial, word_meanings
from glam_eval.pretraining.families.random_scenes import EASY, FULL, StageRandom

EXTERNAL_SHARE = 0.4  # of the plain text, where external texts are given
DRAWS_PER_ITEM = 400  # after so many draws for each item asked for, a small family has no more to give


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of item: what it asks, how often it is drawn, and the function that draws one."""

    name: str
    description: str
    weight: float
    generate: Callable[[StageRandom], Example]
    answerable: bool = True  # one answer is right, so that accuracy means something
    easy: bool = False  # drawn in the curriculum's first stage


def _family(
    generate: Callable[[StageRandom], Example], weight: float, answerable: bool = True, easy: bool = False
) -> Family:
    """Return the family of a generating function, which has its name and description."""
    description = (generate.__doc__ or "").partition("\n")[0]
    return Family(generate.__name__, description, weight, generate, answerable, easy)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _family(goals.goal_side, 10, easy=True),
        _family(goals.goal_place, 8, easy=True),
        _family(goals.goal_seen, 3, easy=True),
        _family(goals.goal_near, 3, easy=True),
        _family(goals.goal_steps, 2, easy=True),
        _family(goals.goal_thing, 3, easy=True),
        _family(goals.first_thing, 2),
        _family(goals.last_thing, 2),
        _family(reading.place_of, 3, easy=True),
        _family(reading.thing_at, 2.5, easy=True),
        _family(reading.seen, 2, easy=True),
        _family(reading.things_on, 1),
        _family(reading.count, 1),
        _family(reading.carried, 1),
        _family(spatial.side, 1),
        _family(spatial.straight, 1),
        _family(spatial.line, 1),
        _family(spatial.steps, 1),
        _family(spatial.nearer, 1),
        _family(spatial.farther, 1),
        _family(spatial.more, 0.5),
        _family(spatial.turned, 1.5),
        _family(spatial.opposite, 1),
        _family(word_meanings.synonym, 3),
        _family(word_meanings.same_meaning, 1.5),
        _family(word_meanings.definition, 1),
        _family(word_meanings.defined, 1),
        _family(word_meanings.category, 1),
        _family(word_meanings.translation, 6),
        _family(word_meanings.copy, 1),
        _family(word_meanings.any_action, 5, answerable=False, easy=True),
    )
}
ANSWERABLE = tuple(name for name, family in FAMILIES.items() if family.answerable)


def _chosen(families: Sequence[str] | None) -> list[Family]:
    """Return families by name, all of them for None; raises UserError for one that does not exist."""
    for name in families or ():
        if name not in FAMILIES:
            raise unknown("instruction family", name, FAMILIES)
    return [FAMILIES[name] for name in (FAMILIES if families is None else families)]


def training_examples(
    seed: int, families: Sequence[str] | None = None, *, easy: bool = False
) -> Iterator[Example]:
    """Yield items without end, each family as often as its weight says; a function of the arguments alone.

    ``easy`` draws the curriculum's first stage: comprehension of short English scenes. No item is held out.
    Raises UserError for a family that does not exist.
    """
    chosen = [family for family in _chosen(families) if family.easy or not easy]
    generator = StageRandom(stream_seed(seed, "pretraining", "examples"))
    generator.stage = EASY if easy else FULL
    return _draw(generator, chosen)


def _draw(generator: StageRandom, families: Sequence[Family]) -> Iterator[Example]:
    weights = [family.weight for family in families]
    while True:
        for family in generator.choices(families, weights, k=100):
            example = family.generate(generator)
            if not is_held_out(example.source):
                yield example


def held_out_examples(family: str, count: int) -> list[Example]:
    """Return the first ``count`` of a family's fixed items that training never sees.

    No two are alike. Where items share their choices each answer is right equally often, as near as can be.
    A small family may have fewer items. Raises UserError for a family that does not exist.
    """
    (chosen,) = _chosen([family])
    generator = StageRandom(stream_seed(0, "pretraining", "held out", family))
    kept: dict[str, Example] = {}
    answers: Counter[tuple[frozenset[str], str]] = Counter()
    for _ in range(DRAWS_PER_ITEM * count):
        if len(kept) == count:
            break
        example = chosen.generate(generator)
        if example.source in kept or not is_held_out(example.source):
            continue
        options = frozenset(example.choices)
        key = (options, example.target)
        if options and answers[key] > min(answers[options, choice] for choice in options):
            continue  # until the other answers have caught up
        answers[key] += 1
        kept[example.source] = example
    return list(kept.values())


def training_sentences(seed: int, texts: Sequence[str] = ()) -> Iterator[str]:
    """Yield plain text without end: prose of the environment in six languages, and external texts if given.

    A function of the seed and the texts; no sentence is held out.
    """
    generator = StageRandom(stream_seed(seed, "pretraining", "sentences"))
    while True:
        external = texts and generator.random() < EXTERNAL_SHARE
        sentence = generator.choice(texts) if external else prose.text(generator)
        if not is_held_out(sentence):
            yield sentence


def held_out_sentences(count: int) -> list[str]:
    """Return the first ``count`` of the fixed sentences, no two alike, that training never sees."""
    generator = StageRandom(stream_seed(0, "pretraining", "held out sentences"))
    kept: dict[str, None] = {}
    while len(kept) < count:
        sentence = prose.text(generator)
        if is_held_out(sentence):
            kept[sentence] = None
    return list(kept)
