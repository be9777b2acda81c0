"""What a question on consequences is."""

from dataclasses import dataclass

from glam_eval.config.protocols import Consequence


@dataclass(frozen=True, slots=True)
class Item:
    """One multiple-choice question."""

    kind: Consequence
    scene: int
    asked: str  # the action, the goal or the two goals that it is about
    prompt: str  # followed by the answer it is well-formed text
    bare: str  # the same without the situation, of which an answer's prior is
    candidates: tuple[str, ...]  # distinct
    answer: int  # which of them is right
