"""The instruction mixture and the plain text of pretraining: endless training draws, fixed held-out ones.

What is held out is decided by a text's words (``examples.is_held_out``), so no draw of training, of any
seed, can be an evaluation item.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from glam_eval.core.errors import unknown
from glam_eval.core.seeds import stream_seed
from glam_eval.pretraining.curriculum import CURRICULUM, WIDEST, CurriculumStage
from glam_eval.pretraining.examples import Example, is_held_out
from glam_eval.pretraining.families import facts, goals, prose, reading, spatial, word_meanings
from glam_eval.pretraining.families.random_scenes import Stage, StageRandom

EARLIER_SHARE = 0.25  # of the items, from the stages before
EXTERNAL_SHARE = 0.4  # of the plain text, where external texts are given
DRAWS_PER_ITEM = 400  # after so many draws for each item asked for, a small family has no more to give


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of item: what it asks, how often it is drawn, and the function that draws one."""

    name: str
    description: str
    weight: float
    generate: Callable[[StageRandom], Example]
    groups: frozenset[str]  # by which families are left out of a pretraining
    answerable: bool = True  # one answer is right, so that accuracy means something


GROUPS = {
    "reading": "looking up in a text what a name or a goal stands for",
    "places": "what sides, distances and turns are, with nothing to look up",
    "words": "what words mean: synonyms, definitions, kinds",
    "translation": "the same in another language",
    "sides": 'every family whose answers share words with the actions, as "left" does with "turn left"',
    "lists": "that one of the listed actions may be said",
}


def _family(
    generate: Callable[[StageRandom], Example], weight: float, groups: str, answerable: bool = True
) -> Family:
    """Return the family of a generating function, which has its name and description."""
    description = (generate.__doc__ or "").partition("\n")[0]
    return Family(generate.__name__, description, weight, generate, frozenset(groups.split()), answerable)


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _family(facts.fact_side, 2, "reading sides"),
        _family(facts.fact_place, 1.5, "reading sides"),
        _family(facts.fact_number, 1.5, "reading"),
        _family(goals.goal_side, 10, "reading sides"),
        _family(goals.goal_place, 8, "reading sides"),
        _family(goals.goal_seen, 3, "reading"),
        _family(goals.goal_near, 3, "reading"),
        _family(goals.goal_steps, 2, "reading"),
        _family(goals.goal_thing, 3, "reading"),
        _family(goals.first_thing, 2, "reading"),
        _family(goals.last_thing, 2, "reading"),
        _family(reading.place_of, 3, "reading sides"),
        _family(reading.thing_at, 2.5, "reading"),
        _family(reading.seen, 2, "reading"),
        _family(reading.things_on, 1, "reading"),
        _family(reading.count, 1, "reading"),
        _family(reading.carried, 1, "reading"),
        _family(spatial.side, 1, "places sides"),
        _family(spatial.straight, 1, "places"),
        _family(spatial.line, 1, "places"),
        _family(spatial.steps, 1, "places"),
        _family(spatial.nearer, 1, "places"),
        _family(spatial.farther, 1, "places"),
        _family(spatial.more, 0.5, "places sides"),
        _family(spatial.turned, 1.5, "places sides"),
        _family(spatial.opposite, 1, "words sides"),
        _family(word_meanings.synonym, 3, "words"),
        _family(word_meanings.same_meaning, 1.5, "words"),
        _family(word_meanings.definition, 1, "words"),
        _family(word_meanings.defined, 1, "words"),
        _family(word_meanings.category, 1, "words"),
        _family(word_meanings.translation, 6, "translation"),
        _family(word_meanings.copy, 1, "words"),
        _family(word_meanings.any_action, 5, "lists", answerable=False),
    )
}
ANSWERABLE = tuple(name for name, family in FAMILIES.items() if family.answerable)


def _chosen(families: Sequence[str] | None) -> list[Family]:
    """Return families by name, all of them for None; raises UserError for one that does not exist."""
    for name in families or ():
        if name not in FAMILIES:
            raise unknown("instruction family", name, FAMILIES)
    return [FAMILIES[name] for name in (FAMILIES if families is None else families)]


def families_without(groups: Sequence[str]) -> list[str]:
    """Return the families that belong to none of some groups; raises UserError for a group that isn't one."""
    for name in groups:
        if name not in GROUPS:
            raise unknown("group of families", name, GROUPS)
    return [name for name, family in FAMILIES.items() if not family.groups.intersection(groups)]


def stages_of(families: Sequence[str]) -> tuple[CurriculumStage, ...]:
    """Return the stages that have any of some families, the whole mixture last."""
    staged = (stage for stage in CURRICULUM if set(stage.families).intersection(families) - {"any_action"})
    return (*staged, WIDEST)


def training_examples(
    seed: int, families: Sequence[str] | None = None, stages: Sequence[CurriculumStage] = (WIDEST,)
) -> Iterator[Example]:
    """Yield items without end, each family as often as its weight says; a function of the arguments alone.

    Of several stages the last gives most of the items, and those before it a quarter of them, so that
    nothing is forgotten. No item is held out. Raises UserError for a family that does not exist.
    """
    chosen = _chosen(families)
    generator = StageRandom(stream_seed(seed, "pretraining", "examples"))
    drawn = [_drawn(generator, _of_stage(stage, chosen), stage.scenes) for stage in stages]
    while True:
        earlier = len(drawn) > 1 and generator.random() < EARLIER_SHARE
        yield next(generator.choice(drawn[:-1]) if earlier else drawn[-1])


def _of_stage(stage: CurriculumStage, chosen: Sequence[Family]) -> list[Family]:
    """Return the families of a stage among those chosen: all of them where it names none."""
    return [family for family in chosen if not stage.families or family.name in stage.families]


def _drawn(generator: StageRandom, families: Sequence[Family], scenes: Stage) -> Iterator[Example]:
    weights = [family.weight for family in families]
    while True:
        for family in generator.choices(families, weights, k=100):
            generator.stage = scenes
            example = family.generate(generator)
            if not is_held_out(example.source):
                yield example


def staged_examples(stage: CurriculumStage, families: Sequence[str], count: int) -> list[Example]:
    """Return fixed held-out items of a stage that have answers to choose from, no two alike."""
    generator = StageRandom(stream_seed(0, "pretraining", "held out", "stage", stage.name))
    generator.stage = stage.scenes
    chosen = [family for family in _of_stage(stage, _chosen(families)) if family.answerable]
    weights = [family.weight for family in chosen]
    kept: dict[str, Example] = {}
    while len(kept) < count:
        (family,) = generator.choices(chosen, weights)
        example = family.generate(generator)
        if example.choices and is_held_out(example.source):
            kept[example.source] = example
    return list(kept.values())


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
