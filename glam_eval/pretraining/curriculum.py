"""The stages of a pretraining: first to look up what a name stands beside, then in ever wider language.

A stage is left when its held-out items are answered well enough, or when it has had its tokens. Learned from
all languages and layouts at once, looking up is not learned at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from glam_eval.pretraining.families.random_scenes import Stage

_ENGLISH = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_PLAIN = Stage(
    languages=_ENGLISH,
    shifts=("none",),
    views=(1,),
    fewest=2,
    most=2,
    absent=False,
    walls=False,
    partly_named=False,
    layouts=False,
    bare_names=1.0,
    offers=False,
)
_FACTS = ("fact_side", "fact_place", "fact_number")
_LOOKED_UP = ("goal_side", "goal_place", "place_of", "thing_at")


@dataclass(frozen=True, slots=True)
class CurriculumStage:
    """A stage: what it draws items of, and how varied they are; no families are all."""

    name: str
    scenes: Stage
    families: Sequence[str] = ()


CURRICULUM = (
    CurriculumStage("one kind of fact", _PLAIN, ("fact_side",)),
    CurriculumStage("facts", _PLAIN, _FACTS),
    CurriculumStage("facts in any layout", replace(_PLAIN, layouts=True), _FACTS),
    CurriculumStage("sentences", _PLAIN, ("goal_side", "goal_place")),
    CurriculumStage(
        "scenes",
        replace(_PLAIN, most=3, walls=True, bare_names=0.5),
        ("goal_side", "goal_place", "any_action"),
    ),
    CurriculumStage(
        "scenes in any layout",
        replace(_PLAIN, most=4, walls=True, bare_names=0.3, layouts=True),
        (*_FACTS, *_LOOKED_UP, "any_action"),
    ),
    CurriculumStage(
        "facts in six languages",
        replace(_PLAIN, layouts=True, languages=Stage().languages, shifts=Stage().shifts),
        _FACTS,
    ),
    CurriculumStage(
        "scenes in six languages",
        Stage(views=(1,), fewest=2, most=4, absent=False, partly_named=False, bare_names=0.3),
        (*_FACTS, *_LOOKED_UP, "any_action"),
    ),
)
WIDEST = CurriculumStage("everything", Stage())
