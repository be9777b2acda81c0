"""Drawn situations with one right thing to do: a level whose scenes are pictures in a data file.

They are scenes like any other, so speakers tell them in every language and shift, and the bot can be asked.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from minigrid.core.grid import Grid
from minigrid.core.world_object import Ball, Box, Door, Key, Wall
from minigrid.envs.babyai.core.verifier import (
    AfterInstr,
    BeforeInstr,
    GoToInstr,
    ObjDesc,
    OpenInstr,
    PickupInstr,
    PutNextInstr,
)

from glam_eval.environments.scenes import Scene

PROBES_LEVEL = "Probes"
ACTIONS = ("left", "right", "forward", "pickup", "drop", "toggle")  # in the order of the action sets
_COLORS = {"r": "red", "g": "green", "b": "blue", "p": "purple", "y": "yellow", "e": "grey"}
_DIRECTIONS = (">>", "vv", "<<", "^^")  # MiniGrid's order
_INSTRUCTIONS = {"goto": GoToInstr, "pickup": PickupInstr, "putnext": PutNextInstr, "open": OpenInstr}


@dataclass(frozen=True, slots=True)
class Probe:
    """A drawn situation, what was done in it, and what is right to do next; actions by their index."""

    name: str
    room: tuple[tuple[str, ...], ...]  # rows of cells
    goal: tuple[tuple[str, ...], ...]  # a verb and its things, in the order to be done
    after: bool
    taken: tuple[int, ...]
    expected: frozenset[int]

    @property
    def task(self) -> str:
        """Kind of task: the verb, or ``sequence``."""
        return self.goal[0][0] if len(self.goal) == 1 else "sequence"


@cache
def probes() -> tuple[Probe, ...]:
    """Return every probe; its place is the number of its scene in the level ``PROBES_LEVEL``."""
    table = tomllib.loads(files("glam_eval.environments").joinpath("probes.toml").read_text("utf-8"))
    return tuple(
        Probe(
            name=entry["name"],
            room=tuple(tuple(row.split()) for row in entry["room"].split("\n") if row),
            goal=tuple(map(tuple, entry["goal"])),
            after=entry.get("after", False),
            taken=tuple(map(ACTIONS.index, entry.get("taken", []))),
            expected=frozenset(map(ACTIONS.index, entry["expected"])),
        )
        for entry in table["probe"]
    )


class DrawnLevel(Scene):
    """The probes as scenes: seed n begins the n-th of them, counted round; without a seed the next."""

    def __init__(self, **kwargs: Any) -> None:
        self._number = -1
        super().__init__(num_rows=1, num_cols=1, **kwargs)

    def reset(self, **kwargs: Any) -> Any:
        """Begin the drawing that ``seed`` numbers."""
        seed = kwargs.get("seed")
        self._number = (self._number + 1 if seed is None else seed) % len(probes())
        return super().reset(**kwargs)  # type: ignore[no-untyped-call]

    def prepare(self) -> None:
        """Take the size of the drawing, of one square room or of several side by side."""
        self._probe = probes()[self._number]
        self.height, self.width = len(self._probe.room), len(self._probe.room[0])
        self.room_size = self.height
        self.num_cols = (self.width - 1) // (self.room_size - 1)

    def gen_mission(self) -> None:
        """Put everything where it is drawn, in place of what MiniGrid drew itself."""
        self.grid = Grid(self.width, self.height)
        for y, row in enumerate(self._probe.room):
            for x, cell in enumerate(row):
                if cell in _DIRECTIONS:
                    self.agent_pos, self.agent_dir = (x, y), _DIRECTIONS.index(cell)
                elif cell != "..":
                    self._put(_thing(cell), x, y)
        parts = [_instruction(*part) for part in self._probe.goal]
        if len(parts) == 1:
            self.instrs = parts[0]
        else:
            self.instrs = AfterInstr(*reversed(parts)) if self._probe.after else BeforeInstr(*parts)

    def _put(self, thing: Any, x: int, y: int) -> None:
        self.grid.set(x, y, thing)
        thing.init_pos = thing.cur_pos = (x, y)


def _thing(cell: str) -> Any:
    if cell == "##":
        return Wall()
    color, kind = _COLORS[cell[0]], cell[1]
    if kind in "dl":
        return Door(color, is_locked=kind == "l")
    return {"k": Key, "o": Ball, "x": Box}[kind](color)


def _instruction(verb: str, *things: str) -> Any:
    descriptions = [ObjDesc(noun, color or None) for color, _, noun in (t.rpartition(" ") for t in things)]
    return _INSTRUCTIONS[verb](*descriptions)
