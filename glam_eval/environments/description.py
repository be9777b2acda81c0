"""Tell any MiniGrid observation in words."""

import numpy as np
from numpy.typing import ArrayLike

from glam_eval.core.errors import UserError, unknown
from glam_eval.environments.vision import (
    AGENT_CELL,
    COLORS,
    EMPTY,
    NOUNS,
    VIEW_SIZE,
    codes_of,
    thing_code,
    view_of,
)
from glam_eval.language import speaker


def describe(image: ArrayLike, carrying: tuple[str, str] | None = None, language: str = "en") -> list[str]:
    """Return the sentences that tell a symbolic observation.

    Args:
        image: MiniGrid's, (7, 7, 3) uint8 (type, colour, state; first axis columns).
        carrying: a noun and a colour in English, for instance ``("key", "red")``, or None.
        language: of the sentences.

    Raises:
        UserError: for another shape, an unknown language or thing.

    >>> describe(numpy.zeros((7, 7, 3), "uint8"), carrying=("key", "red"))
    ['You carry a red key']
    """
    cells = np.asarray(image)
    if cells.shape != (VIEW_SIZE, VIEW_SIZE, 3) or cells.dtype.kind not in "iu":
        raise UserError(f"image has shape {cells.shape}, {cells.dtype}: MiniGrid's is (7, 7, 3), uint8")
    try:
        shown = bytearray(codes_of(cells))
    except ValueError as error:
        raise UserError(f"not a MiniGrid image: {error}") from error
    shown[AGENT_CELL] = EMPTY if carrying is None else _carried_code(*carrying)
    return list(speaker(language).observation(view_of(bytes(shown))))


def _carried_code(noun: str, color: str) -> int:
    """Return the byte of a carried thing.

    Raises:
        UserError: for one that does not exist.
    """
    portable = NOUNS[1:4]
    if noun not in portable:
        raise unknown("carried thing", noun, portable)
    if color not in COLORS:
        raise unknown("colour", color, COLORS)
    return thing_code(noun, color)
