"""What the agent sees: cells as bytes, visibility behind walls and doors, and sightings in reading order.

A cell is one byte, so a 7x7 view is 49 bytes, columns first as in MiniGrid's image: byte ``7 * i + j`` is
column ``i`` (left to right), row ``j`` (far to near). The agent's own cell shows what it carries.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from glam_eval.core.world import Color, DoorState, Sighting, Thing, View

VIEW_SIZE = 7  # cells; MiniGrid's agent_view_size
VIEW_CELLS = VIEW_SIZE * VIEW_SIZE
AGENT_CELL = VIEW_SIZE * (VIEW_SIZE // 2) + VIEW_SIZE - 1  # column 3, row 6

UNSEEN, EMPTY, WALL, FLOOR = range(4)  # MiniGrid's own type indices
FIRST_THING = 16  # every code from here on is (type, colour, state) of a thing
NOUNS = ("door", "key", "ball", "box", "goal", "lava")  # MiniGrid's type indices 4 to 9
DOOR_TYPE = 4
COLORS: tuple[Color, ...] = ("red", "green", "blue", "purple", "yellow", "grey")  # MiniGrid's colour indices
DOOR_STATES: tuple[DoorState, ...] = ("open", "closed", "locked")  # MiniGrid's state indices
N_CODES = FIRST_THING + len(NOUNS) * len(COLORS) * len(DOOR_STATES)

_THING = re.compile(b"[%b-%b]" % (bytes([FIRST_THING]), bytes([N_CODES - 1])), re.DOTALL)
_CLEAR = bytes([UNSEEN, EMPTY, FLOOR])  # what a look along a line passes over


def thing_code(noun: str, color: Color, state: int = 0) -> int:
    """Return the byte of a thing.

    Args:
        noun: in English.
        color: in English.
        state: MiniGrid's (doors: 0 open, 1 closed, 2 locked).
    """
    kind = NOUNS.index(noun) * len(COLORS) + COLORS.index(color)
    return FIRST_THING + kind * len(DOOR_STATES) + state


@cache
def thing(code: int) -> Thing | None:
    """Return the thing that a byte stands for, None for floor, wall and the unseen."""
    if code < FIRST_THING:
        return None
    kind, state = divmod(code - FIRST_THING, len(DOOR_STATES))
    noun, color = divmod(kind, len(COLORS))
    return Thing(NOUNS[noun], COLORS[color], DOOR_STATES[state] if NOUNS[noun] == "door" else None)


def _is_opaque(code: int) -> bool:
    seen = thing(code)
    return code == WALL or (seen is not None and seen.state in ("closed", "locked"))


def _encoding_table() -> NDArray[np.uint8]:
    """Return the (type, colour, state) of every byte, shape (N_CODES, 3), as MiniGrid encodes them."""
    table = np.zeros((N_CODES, 3), np.uint8)
    table[EMPTY] = (EMPTY, 0, 0)
    table[WALL] = (WALL, COLORS.index("grey"), 0)
    table[FLOOR] = (FLOOR, COLORS.index("blue"), 0)
    for code in range(FIRST_THING, N_CODES):
        kind, state = divmod(code - FIRST_THING, len(DOOR_STATES))
        noun, color = divmod(kind, len(COLORS))
        table[code] = (DOOR_TYPE + noun, color, state)
    return table


ENCODINGS = _encoding_table()
_SEE_THROUGH = bytes(0 if code < N_CODES and _is_opaque(code) else 1 for code in range(256))


@lru_cache(maxsize=1 << 16)
def _visible_mask(see_through: bytes) -> int:
    """Return the visible cells of a view as a 392-bit integer, 0xff a visible byte.

    MiniGrid's ``Grid.process_vis``: light spreads along each row from the agent's upwards, sideways and
    diagonally, from every visible cell that can be seen through.
    """
    visible = bytearray(VIEW_CELLS)
    visible[AGENT_CELL] = 0xFF
    rightward = range(VIEW_SIZE - 1)
    leftward = range(VIEW_SIZE - 1, 0, -1)
    for row in reversed(range(VIEW_SIZE)):
        for columns, aside in ((rightward, VIEW_SIZE), (leftward, -VIEW_SIZE)):
            for column in columns:
                cell = VIEW_SIZE * column + row
                if visible[cell] and see_through[cell]:
                    visible[cell + aside] = 0xFF
                    if row:
                        visible[cell + aside - 1] = visible[cell - 1] = 0xFF
    return int.from_bytes(visible, "big")


def occlude(view: bytes) -> bytes:
    """Return the view with every cell that walls and closed doors hide set to unseen; 49 bytes each."""
    mask = _visible_mask(view.translate(_SEE_THROUGH))
    return (int.from_bytes(view, "big") & mask).to_bytes(VIEW_CELLS, "big")


def image_of(shown: bytes) -> NDArray[np.uint8]:
    """Return MiniGrid's symbolic image of an occluded view, (7, 7, 3) uint8, read-only."""
    image = ENCODINGS[np.frombuffer(shown, np.uint8)].reshape(VIEW_SIZE, VIEW_SIZE, 3)
    image.flags.writeable = False
    return image


def codes_of(image: NDArray[np.uint8]) -> bytes:
    """Return the bytes of a symbolic image, shape (7, 7, 3), with nothing in the agent's cell.

    Raises:
        ValueError: for an index that MiniGrid does not have.
    """
    kinds, colors, states = np.asarray(image, np.int64).reshape(VIEW_CELLS, 3).T
    things = kinds >= DOOR_TYPE
    if (kinds < 0).any() or (kinds >= DOOR_TYPE + len(NOUNS)).any():
        raise ValueError("object type index outside MiniGrid's")
    if ((colors < 0) | (colors >= len(COLORS)) | (states < 0) | (states >= len(DOOR_STATES))).any():
        raise ValueError("colour or state index outside MiniGrid's")
    offsets = ((kinds - DOOR_TYPE) * len(COLORS) + colors) * len(DOOR_STATES) + states
    codes = np.where(things, FIRST_THING + offsets, kinds)
    codes[AGENT_CELL] = EMPTY
    return codes.astype(np.uint8).tobytes()


@cache
def _sighting(cell: int, code: int) -> Sighting:
    column, row = divmod(cell, VIEW_SIZE)
    return Sighting(thing(code), column - VIEW_SIZE // 2, VIEW_SIZE - 1 - row)


def _walls(shown: bytes) -> list[Sighting]:
    """Return the walls straight ahead, left and right, where nothing stands in between."""
    lines = (
        (shown[AGENT_CELL - 1 : AGENT_CELL - VIEW_SIZE : -1], 0, 1),
        (shown[AGENT_CELL - VIEW_SIZE :: -VIEW_SIZE], -1, 0),
        (shown[AGENT_CELL + VIEW_SIZE :: VIEW_SIZE], 1, 0),
    )
    walls = []
    for line, right, forward in lines:
        rest = line.lstrip(_CLEAR)
        if rest and rest[0] == WALL:
            steps = len(line) - len(rest) + 1
            walls.append(Sighting(None, right * steps, forward * steps))
    return walls


def view_of(shown: bytes) -> View:
    """Return what is told of an occluded view: the carried thing, walls, then things in reading order."""
    things = [_sighting(match.start(), match.group()[0]) for match in _THING.finditer(shown)]
    seen = [sighting for sighting in things if sighting.right or sighting.forward]
    return View(thing(shown[AGENT_CELL]), (*_walls(shown), *seen))


def view_offsets(moves: Sequence[int], direction: int) -> list[int]:
    """Return where the 49 cells of a view lie relative to the agent's cell in a flat grid.

    ``moves`` holds the flat offset of one step in each of MiniGrid's four directions.
    """
    ahead, right = moves[direction], moves[(direction + 1) % 4]
    return [
        (VIEW_SIZE - 1 - row) * ahead + (column - VIEW_SIZE // 2) * right
        for column in range(VIEW_SIZE)
        for row in range(VIEW_SIZE)
    ]
