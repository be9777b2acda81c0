"""Scenes: MiniGrid's levels made quiet and cheap to generate, drawing exactly what MiniGrid itself draws."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from minigrid.core.roomgrid import RoomGrid
from minigrid.envs.babyai.core.roomgrid_level import RejectSampling, RoomGridLevel

from glam_eval.core.errors import UserError
from glam_eval.environments.random_numbers import ScalarGenerator

# What may be drawn for one scene, some seconds' worth: positions of things, and layouts by their size.
MAX_DRAWS = 4_000_000
_CELLS_A_DRAW = 8  # cells of an empty layout that take as long as one position

Position = tuple[int, int]


class _Drawn(int):
    """An integer that is never the same object as another.

    MiniGrid's Unlock and GoToImpUnlock compare numpy integers with ``is``, which is always False, and their
    layouts depend on it.
    """

    __slots__ = ()


class Scene(RoomGridLevel):
    """Mixed into a level: generates without printing rejections and without observations nobody reads.

    The methods do what MiniGrid's of the same name do, on plain integers instead of arrays.
    """

    instrs: Any  # MiniGrid's instruction, set by ``gen_mission``
    level_name = ""  # what people call the level, where one of its name made it
    patience = MAX_DRAWS  # draws after which a scene is given up
    draws_left = math.inf  # of these, for the scene being drawn

    def prepare(self) -> None:
        """Draw what holds for all attempts at a scene; nothing unless a level needs it."""

    def _gen_grid(self, _width: int, _height: int) -> None:
        """Draw layouts until one is valid.

        Raises:
            UserError: if the level's options allow none.
        """
        if self.fixed_max_steps and self.max_steps < 1:
            raise UserError(f"max_steps is {self.max_steps}: an episode needs at least 1 step")
        self._draws = ScalarGenerator(self.np_random.bit_generator)
        self.prepare()
        self.draws_left = self.patience
        while True:
            self._draw(self.width * self.height // _CELLS_A_DRAW)
            try:
                RoomGrid._gen_grid(self, self.width, self.height)
                self.gen_mission()  # type: ignore[no-untyped-call]
                self.validate_instrs(self.instrs)  # type: ignore[no-untyped-call]
            except (RecursionError, RejectSampling):
                continue
            except (AssertionError, IndexError) as error:
                raise UserError(
                    f"no goal can be drawn among so few objects: {error or 'add some'}"
                ) from error
            self.surface = self.mission = self.instrs.surface(self)
            return

    def _draw(self, number: int) -> None:
        """Take note of draws; raises UserError where a scene has had too many."""
        self.draws_left -= number
        if self.draws_left < 0:
            name, options = self.level_name or type(self).__name__, "room size, objects or held-out pairs"
            raise UserError(f"level {name} allows no scene, or too few to find one: change its {options}")

    def _rand_int(self, low: int, high: int) -> int:
        return _Drawn(self._draws.integer(low, high))

    def _rand_float(self, low: float, high: float) -> float:
        return self._draws.uniform(low, high)

    def _rand_bool(self) -> bool:
        return self._draws.integer(0, 2) == 0

    def place_obj(
        self,
        obj: Any,
        top: Position | None = None,
        size: Position | None = None,
        reject_fn: Callable[[Any, Position], bool] | None = None,
        max_tries: float = math.inf,
    ) -> Position:
        """Put an object at a free random position of a rectangle, and return the position.

        Args:
            obj: None to reserve the cell.
            top: the upper left corner, by default the grid's.
            size: width and height in cells, by default the grid's.
            reject_fn: tells of a position whether it won't do.
            max_tries: how many positions to draw.

        Raises:
            RecursionError: if none of them will do, as MiniGrid's own.
            UserError: if a scene would take too many draws.
        """
        left, upper = (0, 0) if top is None else (max(top[0], 0), max(top[1], 0))
        width, height = (self.grid.width, self.grid.height) if size is None else size
        right, lower = min(left + width, self.grid.width), min(upper + height, self.grid.height)
        integer, cells, stride = self._draws.integer, self.grid.grid, self.grid.width
        agent_x, agent_y = self.agent_pos
        tries = 0
        while True:
            if tries > max_tries:
                raise RecursionError("rejection sampling failed in place_obj")
            if tries > self.draws_left:
                break
            tries += 1
            x, y = integer(left, right), integer(upper, lower)
            if cells[y * stride + x] is not None or (x == agent_x and y == agent_y):
                continue
            if reject_fn is None or not reject_fn(self, (x, y)):
                break
        self._draw(tries)
        cells[y * stride + x] = obj
        if obj is not None:
            obj.init_pos = obj.cur_pos = (x, y)
        return x, y

    def add_distractors(
        self,
        i: int | None = None,
        j: int | None = None,
        num_distractors: int = 10,
        all_unique: bool = True,
    ) -> list[Any]:
        """Put random objects into a room or anywhere; raises UserError where they can't all be reached.

        In one room, an agent in c free cells that hang together stands beside 2c + 2 others at most.
        """
        cells = (self.room_size - 2) ** 2 * (1 if i is not None else self.num_rows * self.num_cols)
        most = min(cells - 1, (2 * cells + 2) // 3) if self.num_rows * self.num_cols == 1 else cells
        if num_distractors > most:
            raise UserError(f"{num_distractors} objects have no room in {cells} cells: at most {most} have")
        objects: list[Any] = super().add_distractors(i, j, num_distractors, all_unique)
        return objects

    def check_objs_reachable(self, raise_exc: bool = True) -> bool:
        """Return whether everything can be reached without moving anything.

        Raises:
            RejectSampling: if it can't, where ``raise_exc`` asks for that.
        """
        stride, cells = self.grid.width, self.grid.grid
        free = _bits(thing is None or thing.type == "door" for thing in cells)
        things = _bits(thing is not None and thing.type != "wall" for thing in cells)
        x, y = self.agent_pos
        reached = 1 << int(y * stride + x)
        while True:
            open_part = reached & free
            spread = open_part << 1 | open_part >> 1 | open_part << stride | open_part >> stride
            if not spread & ~reached:
                break
            reached |= spread
        if things & ~reached and raise_exc:
            raise RejectSampling("unreachable object")
        return not things & ~reached

    def gen_obs(self) -> dict[str, Any]:
        """Return nothing: views are made by ``glam_eval.environments.vision``."""
        return {}


def _bits(flags: Any) -> int:
    """Return the integer whose i-th bit is the i-th flag."""
    return int("".join(["1" if flag else "0" for flag in flags])[::-1], 2)


@cache
def scene_class(level_class: type) -> type:
    """Return the quiet, cheap version of a level class."""
    if issubclass(level_class, Scene):
        return level_class
    return type(level_class.__name__, (Scene, level_class), {"__module__": level_class.__module__})
