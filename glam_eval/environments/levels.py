"""The levels of the paper that MiniGrid does not have, on MiniGrid's ``RoomGridLevel``.

Facts: Carta et al. 2023 (arXiv 2302.02662), section 4; numbers of objects: the code released with it.
"""

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

from minigrid.core.constants import COLOR_NAMES
from minigrid.envs.babyai.core.roomgrid_level import RejectSampling
from minigrid.envs.babyai.core.verifier import (
    AfterInstr,
    AndInstr,
    BeforeInstr,
    GoToInstr,
    ObjDesc,
    OpenInstr,
    PickupInstr,
    PutNextInstr,
    SeqInstr,
)

from glam_eval.core.errors import UserError, unknown
from glam_eval.environments.bot import BOT_ERRORS, Bot
from glam_eval.environments.scenes import Scene
from glam_eval.environments.verifiers import StrictGoToInstr, StrictPutNextInstr

HELD_OUT = ("yellow box", "red key", "red door", "green ball", "grey door")  # the paper's
MIXED_KINDS = ("goto", "pickup", "putnext", "pickup_then_goto", "open")
ORDERS = ("then", "after")
SPLITS = ("train", "test", "all")

_ACTIONS: dict[str, Any] = {"goto": GoToInstr, "pickup": PickupInstr}
_STRICT_ACTIONS: dict[str, Any] = {"goto": StrictGoToInstr, "pickup": partial(PickupInstr, strict=True)}
_SINGLE_OBJECTS, _PAIR_OBJECTS, _OPEN_OBJECTS = 9, 10, 8  # objects in the room, per number of targets


class LocalLevel(Scene):
    """One room (two for ``open``) and a task whose kind is drawn anew each episode, from the episode's seed.

    In ``strict`` levels a wrong choice ends the episode: lifting, opening or putting what the goal does not
    name (see ``verifiers``), or walking into it.

    Args:
        kinds: ``goto``, ``pickup``, ``putnext``, ``open`` and sequences such as ``pickup_then_goto``, either
            side of which may hold two instructions in any order (``goto_and_goto_then_pickup``): BabyAI's
            language has no longer ones.
        held_out: pairs that missions of the ``train`` split don't mention.
        split: ``train``; ``test``, whose missions mention only such pairs; or ``all``, any.
        orders: how sequences are told ("A, then B" and "B after you A").
        room_size: in cells, walls included.
        num_dists: objects in the room, by default the paper's number (fewer in small rooms).
        bare: whether there is nothing but what the goal names and a locked door's key, as in BALROG
            (arXiv 2411.13543).
        strict: whether a wrong choice ends the episode.
        time_factor: an episode lasts that many times the steps of BabyAI's bot on its scene, rounded up,
            instead of what the room's size allows.

    Raises:
        UserError: for unknown names, or more targets than objects.
    """

    def __init__(
        self,
        kinds: Iterable[str] = MIXED_KINDS,
        held_out: Iterable[str] = HELD_OUT,
        split: str = "train",
        orders: Iterable[str] = ORDERS,
        room_size: int = 8,
        num_dists: int | None = None,
        bare: bool = False,
        strict: bool = False,
        time_factor: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.strict, self.time_factor = strict, time_factor
        self.kinds, self.orders = tuple(kinds), tuple(orders)
        self.held_out = frozenset(held_out)
        self.split = split
        self.num_dists, self.bare = num_dists, bare
        self._check_options(room_size)
        super().__init__(room_size=room_size, num_rows=1, num_cols=1, **kwargs)

    def _check_options(self, room_size: int) -> None:
        if self.split not in SPLITS:
            raise unknown("split", self.split, SPLITS)
        for order in self.orders:
            if order not in ORDERS:
                raise unknown("order of a sequence", order, ORDERS)
        if self.num_dists is not None and self.num_dists < 2:
            raise UserError(f"num_dists is {self.num_dists}: a room needs at least 2 objects")
        if self.bare and self.num_dists is not None:
            raise UserError("a bare level has the objects that its goal names: leave num_dists out")
        for kind in self.kinds:
            if kind not in ("putnext", "open") and not _is_composed(kind):
                raise unknown("kind of task", kind, [*MIXED_KINDS, "pickup_then_pickup"])
            if self.strict and "goto" in kind and kind != "goto":
                raise UserError(f"{kind} can't be strict: things on the way to the other part would count")
            targets, objects = sum(map(len, _sides(kind))), self.num_dists or _roomy(room_size)
            if targets > objects:
                raise UserError(f"{kind} needs {targets} objects, there are {objects}: raise num_dists")
        if self.time_factor is not None and self.time_factor < 1:
            raise UserError(f"time_factor is {self.time_factor}: the bot itself needs 1")
        if not self.kinds or not self.orders:
            raise UserError("a level needs at least one kind of task and one order")
        if "open" in self.kinds and not self._door_colors():
            raise UserError("no colour is left for the door: hold out other pairs, or leave out 'open'")

    def reset(self, **kwargs: Any) -> Any:
        """Begin a scene; where time is counted in the bot's steps, the bot plays it first."""
        if self.time_factor is None:
            return super().reset(**kwargs)  # type: ignore[no-untyped-call]
        generator = self.np_random.bit_generator.state
        super().reset(**kwargs)  # type: ignore[no-untyped-call]
        steps = self._bot_steps()
        if kwargs.get("seed") is None:
            self.np_random.bit_generator.state = generator
        begun = super().reset(**kwargs)  # type: ignore[no-untyped-call]
        if steps is not None:
            self.max_steps = math.ceil(self.time_factor * steps)
        return begun

    def _bot_steps(self) -> int | None:
        """Return the steps that BabyAI's bot takes from here, None where it fails."""
        bot = Bot(self)
        try:
            for step in range(1, self.max_steps + 1):
                _, reward, terminated, _, _ = self.step(bot.replan())  # type: ignore[no-untyped-call]
                if terminated:
                    return step if reward > 0 else None
        except BOT_ERRORS:
            pass
        return None

    def prepare(self) -> None:
        """Draw the kind of task, for which scenes are then drawn until one is accepted."""
        self.task = self._rand_elem(self.kinds)
        self.num_cols = 2 if self.task == "open" else 1
        self.width = (self.room_size - 1) * self.num_cols + 1

    def gen_mission(self) -> None:
        """Draw one scene with its instruction.

        Raises:
            RejectSampling: where the split forbids it.
        """
        if self.task == "open":
            self._gen_open()
        elif self.task == "putnext":
            self._gen_put_next()
        else:
            self._gen_actions(_sides(self.task))
        if not all(map(self._allowed, mentioned_pairs(self.instrs))):
            raise RejectSampling("the split forbids a pair that the mission mentions")

    def _allowed(self, pair: str) -> bool:
        return self.split == "all" or (pair in self.held_out) == (self.split == "test")

    def _door_colors(self) -> list[str]:
        return [color for color in COLOR_NAMES if self._allowed(f"{color} door")]

    def _add_objects(self, count: int, named: int, i: int = 0) -> list[Any]:
        number = named if self.bare else self.num_dists or min(count, _roomy(self.room_size))
        return self.add_distractors(i, 0, num_distractors=number, all_unique=False)

    def _gen_open(self) -> None:
        """Two rooms, a locked door between them, its key and more objects in the agent's room."""
        locked = self._rand_int(0, 2)
        color = self._rand_elem(self._door_colors())
        self.add_door(locked, 0, door_idx=2 if locked else 0, color=color, locked=True)
        self.add_object(1 - locked, 0, "key", color)
        self._add_objects(_OPEN_OBJECTS, 0, 1 - locked)
        self.place_agent(1 - locked, 0)
        self.check_objs_reachable()
        named = color if self.split == "test" else self._rand_elem([None, color])
        self.instrs = OpenInstr(ObjDesc("door", named), strict=self.strict)

    def _gen_put_next(self) -> None:
        self.place_agent()
        objects = self._add_objects(_PAIR_OBJECTS, 2)
        self.check_objs_reachable()
        moved, fixed = self._targets(objects, 2)
        self.instrs = (StrictPutNextInstr if self.strict else PutNextInstr)(moved, fixed)

    def _gen_actions(self, sides: list[list[str]]) -> None:
        self.place_agent()
        count = sum(map(len, sides))
        objects = self._add_objects(_SINGLE_OBJECTS if count == 1 else _PAIR_OBJECTS, count)
        self.check_objs_reachable()
        targets = iter(self._targets(objects, count))
        actions = _STRICT_ACTIONS if self.strict else _ACTIONS
        parts = [_together([actions[name](next(targets)) for name in names]) for names in sides]
        if len(parts) == 1:
            self.instrs = parts[0]
        elif self._rand_elem(self.orders) == "then":
            self.instrs = BeforeInstr(parts[0], parts[1], strict=self.strict)
        else:
            self.instrs = AfterInstr(parts[1], parts[0], strict=self.strict)

    def _targets(self, objects: list[Any], count: int) -> list[ObjDesc]:
        """Draw different objects; two of one description only where two in all are drawn."""
        drawn: list[Any] = []
        while len(drawn) < count:
            one = self._rand_elem(objects)
            if not any(one is other for other in drawn):
                drawn.append(one)
        if count > 2 and len({(each.type, each.color) for each in drawn}) < count:
            raise RejectSampling("one action would do two parts of the goal")
        return [ObjDesc(each.type, each.color) for each in drawn]


def _roomy(room_size: int) -> int:
    """Return how many objects a small room holds before they shut off parts of it."""
    return max(2, (room_size - 2) ** 2 // 3)


def _sides(kind: str) -> list[list[str]]:
    """Return the verbs of a kind of task: those of each side of a sequence."""
    return [side.split("_and_") for side in kind.split("_then_")]


def _is_composed(kind: str) -> bool:
    """Return whether a kind joins verbs as BabyAI can: two sides at most, of two instructions at most."""
    sides = _sides(kind)
    verbs = {verb for side in sides for verb in side}
    return len(sides) <= 2 and max(map(len, sides)) <= 2 and verbs <= _ACTIONS.keys()


def _together(instructions: list[Any]) -> Any:
    return instructions[0] if len(instructions) == 1 else AndInstr(*instructions)


def mentioned_pairs(instruction: Any) -> list[str]:
    """Return the "colour noun" pairs that a MiniGrid instruction names in full."""
    if isinstance(instruction, SeqInstr):  # AndInstr is one, too
        return mentioned_pairs(instruction.instr_a) + mentioned_pairs(instruction.instr_b)
    attributes = ("desc", "desc_move", "desc_fixed")
    descriptions = [getattr(instruction, name) for name in attributes if hasattr(instruction, name)]
    return [f"{d.color} {d.type}" for d in descriptions if d.color and d.type]
