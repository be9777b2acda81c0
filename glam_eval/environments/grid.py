"""A flat, light copy of a MiniGrid world that steps an order of magnitude faster, with the same outcome.

The grid is one ``bytearray`` of cells (see ``vision``) with a margin of walls as wide as the agent can see,
so that a view is one gather; the last byte holds the code of what the agent carries.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np

from glam_eval.core.world import GridSnapshot
from glam_eval.environments.vision import (
    AGENT_CELL,
    COLORS,
    DOOR_STATES,
    EMPTY,
    ENCODINGS,
    FIRST_THING,
    VIEW_SIZE,
    WALL,
    thing_code,
    view_offsets,
)

LEFT, RIGHT, FORWARD, PICK_UP, DROP, TOGGLE, NOTHING = range(7)  # MiniGrid's actions; its "done" does nothing

MARGIN = VIEW_SIZE - 1
NOBODY = -1  # no object

_PER_NOUN = len(COLORS) * len(DOOR_STATES)
_DOORS = range(FIRST_THING, FIRST_THING + _PER_NOUN)
_KEYS = range(_DOORS.stop, _DOORS.stop + _PER_NOUN)
_BOXES = range(_KEYS.stop + _PER_NOUN, _KEYS.stop + 2 * _PER_NOUN)
_OPEN_DOORS = frozenset(_DOORS[:: len(DOOR_STATES)])
_PASSABLE = frozenset([EMPTY, *_OPEN_DOORS])
_PORTABLE = frozenset(range(_KEYS.start, _BOXES.stop))
_UNLOCKS = {  # code of a locked door -> code of its key
    thing_code("door", color, DOOR_STATES.index("locked")): thing_code("key", color) for color in COLORS
}
_TOGGLED = {code: code + 1 if code in _OPEN_DOORS else code - 1 for code in _DOORS if code not in _UNLOCKS}


Gather = Callable[[bytearray], tuple[int, ...]]


class Frame:
    """The geometry that all worlds of one size share: offsets and the gather of each pose.

    Args:
        width: of the grid, in cells.
        height: of the grid, in cells.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.stride = width + 2 * MARGIN
        self.cells = self.stride * (height + 2 * MARGIN)
        self.moves = (1, self.stride, -1, -self.stride)
        self._offsets = [view_offsets(self.moves, direction) for direction in range(4)]
        self._gathers: dict[tuple[int, int], Gather] = {}

    def cell(self, x: int, y: int) -> int:
        """Return the flat index of a grid position."""
        return (int(y) + MARGIN) * self.stride + int(x) + MARGIN

    def position(self, cell: int) -> tuple[int, int]:
        """Return the grid position (x, y) of a flat index."""
        y, x = divmod(cell, self.stride)
        return x - MARGIN, y - MARGIN

    def gather(self, cell: int, direction: int) -> Gather:
        """Return the getter of the 49 view cells of a pose, the agent's own read from the carried byte."""
        found = self._gathers.get((cell, direction))
        if found is None:
            indices = [cell + offset for offset in self._offsets[direction]]
            indices[AGENT_CELL] = self.cells
            found = self._gathers[cell, direction] = itemgetter(*indices)
        return found


frame = lru_cache(maxsize=64)(Frame)


class World:
    """The state of one episode's grid, taken over from a MiniGrid environment that has just been reset.

    Objects (doors, keys, balls, boxes) are numbers: ``objects`` maps a cell to the object in it and
    ``places`` an object to its cell (absent while carried or gone).
    """

    __slots__ = (
        "carried", "cell", "codes", "contents", "direction", "frame", "front", "natures", "objects", "places",
    )  # fmt: skip

    def __init__(self, env: Any) -> None:
        self.frame: Frame = frame(env.grid.width, env.grid.height)
        self.codes = bytearray([WALL]) * self.frame.cells + bytearray([EMPTY])
        self.objects: dict[int, int] = {}
        self.places: dict[int, int] = {}
        self.natures: list[Any] = []  # MiniGrid's object of each number, as identity and description
        self.contents: dict[int, int] = {}  # box -> what is in it
        for index, thing in enumerate(env.grid.grid):
            y, x = divmod(index, env.grid.width)
            cell = self.frame.cell(x, y)
            if thing is None:
                self.codes[cell] = EMPTY
            elif thing.type != "wall":
                self._place(self._adopt(thing), cell)
        self.carried = NOBODY
        if env.carrying is not None:
            self.carried = self._adopt(env.carrying)
            self.codes[-1] = self._code(self.carried)
        self.cell = self.frame.cell(*env.agent_pos)
        self.direction = int(env.agent_dir)
        self.front = self.cell + self.frame.moves[self.direction]

    def _adopt(self, thing: Any) -> int:
        number = len(self.natures)
        self.natures.append(thing)
        if thing.contains is not None:
            self.contents[number] = self._adopt(thing.contains)
        return number

    def numbers(self, things: Iterable[Any]) -> frozenset[int]:
        """Return the numbers of objects of the environment the world was made from; walls have none."""
        known = {id(nature): number for number, nature in enumerate(self.natures)}
        return frozenset(known[id(thing)] for thing in things if id(thing) in known)

    def _code(self, number: int) -> int:
        nature = self.natures[number]
        return thing_code(nature.type, nature.color, nature.encode()[2])

    def _place(self, number: int, cell: int) -> None:
        self.objects[cell] = number
        self.places[number] = cell
        self.codes[cell] = self._code(number)

    def act(self, action: int) -> None:
        """Carry out one of MiniGrid's actions."""
        if action == FORWARD:
            if self.codes[self.front] in _PASSABLE:
                self.cell = self.front
                self.front += self.frame.moves[self.direction]
        elif action <= RIGHT:
            self.direction = (self.direction + (1 if action == RIGHT else -1)) % 4
            self.front = self.cell + self.frame.moves[self.direction]
        elif action == PICK_UP:
            self._pick_up()
        elif action == DROP:
            self._drop()
        elif action == TOGGLE:
            self._toggle()

    def _pick_up(self) -> None:
        code = self.codes[self.front]
        if code in _PORTABLE and self.carried == NOBODY:
            self.carried = self.objects.pop(self.front)
            del self.places[self.carried]
            self.codes[-1] = code
            self.codes[self.front] = EMPTY

    def _drop(self) -> None:
        if self.codes[self.front] == EMPTY and self.carried != NOBODY:
            self._place(self.carried, self.front)
            self.carried = NOBODY
            self.codes[-1] = EMPTY

    def _toggle(self) -> None:
        code = self.codes[self.front]
        if code in _TOGGLED:
            self.codes[self.front] = _TOGGLED[code]
        elif code in _UNLOCKS and self.codes[-1] == _UNLOCKS[code]:
            self.codes[self.front] = code - DOOR_STATES.index("locked")
        elif code in _BOXES:
            box = self.objects.pop(self.front)
            del self.places[box]
            self.codes[self.front] = EMPTY
            if box in self.contents:
                self._place(self.contents[box], self.front)

    def view(self) -> bytes:
        """Return the 49 cells before the agent, not yet occluded, what it carries in its own cell."""
        return bytes(self.frame.gather(self.cell, self.direction)(self.codes))

    def front_object(self) -> int:
        """Return the object right before the agent, or NOBODY."""
        return self.objects.get(self.front, NOBODY)

    def is_empty(self, cell: int) -> bool:
        """Return whether nothing is in a cell; the agent's own counts as empty."""
        return self.codes[cell] == EMPTY

    def is_passable(self, cell: int) -> bool:
        """Return whether the agent could step into a cell."""
        return self.codes[cell] in _PASSABLE

    def opens(self, cell: int) -> bool:
        """Return whether toggling a cell now opens a door: a closed one, or a locked one with its key."""
        code = self.codes[cell]
        if code in _UNLOCKS:
            return self.codes[-1] == _UNLOCKS[code]
        return code in _TOGGLED and code not in _OPEN_DOORS

    def faces_open_door(self) -> bool:
        """Return whether an open door is right before the agent."""
        return self.codes[self.front] in _OPEN_DOORS

    def faces_door(self) -> bool:
        """Return whether a door is right before the agent."""
        return self.codes[self.front] in _DOORS

    def doors_and_keys(self) -> frozenset[int]:
        """Return the doors and the keys of doors now locked: what one needs on the way, whatever the goal."""
        codes = {number: self.codes[cell] for cell, number in self.objects.items()}
        keys = {_UNLOCKS[code] for code in codes.values() if code in _UNLOCKS}
        return frozenset(number for number, code in codes.items() if code in keys or code in _DOORS)

    def snapshot(self) -> GridSnapshot:
        """Return the whole grid as MiniGrid encodes it, and the agent's pose."""
        x, y = self.frame.position(self.cell)
        rows = np.frombuffer(self.codes, np.uint8, self.frame.cells).reshape(-1, self.frame.stride)
        inside = ENCODINGS[rows[MARGIN:-MARGIN, MARGIN:-MARGIN]]
        return GridSnapshot(inside.transpose(1, 0, 2).tobytes(), self.frame.width, x, y, self.direction)
