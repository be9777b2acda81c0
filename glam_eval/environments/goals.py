"""When a goal is reached: BabyAI's verifier on flat worlds, and its instructions as language-free records.

The rules are those of ``minigrid.envs.babyai.core.verifier``, corner cases included: the places of a goal's
objects are looked up at the start and after each drop, not in between; a sequence hands over to its second
part within the step that completes the first.
"""

from collections.abc import Callable
from typing import Any, Protocol

from minigrid.envs.babyai.core import verifier

from glam_eval.core.world import Both, GoTo, Instruction, Open, PickUp, PutNext, Reference, Then
from glam_eval.environments.grid import DROP, FORWARD, NOBODY, PICK_UP, TOGGLE, World
from glam_eval.environments.verifiers import StrictGoToInstr, StrictPutNextInstr

CONTINUE, SUCCESS, FAILURE = range(3)


class Goal(Protocol):
    """Something to achieve in a world."""

    def verify(self, action: int, world: World, /) -> int:
        """Return CONTINUE, SUCCESS or FAILURE; called once after every step, the action a MiniGrid action."""

    def targets(self) -> "list[Targets]":
        """Return the sets of objects that the goal names."""


class Targets:
    """The objects that a description named at the start, and where they were when last looked up.

    Args:
        description: MiniGrid's, of objects.
        world: where they are.
    """

    def __init__(self, description: Any, world: World) -> None:
        self.objects = world.numbers(description.obj_set)
        self.cells = frozenset(world.frame.cell(x, y) for x, y in description.obj_poss)
        self._walls = self.cells.difference(world.objects)  # walls are grey objects, too

    def look_up(self, world: World) -> None:
        """Refresh the places of the objects."""
        places = (world.places[number] for number in self.objects if number in world.places)
        self.cells = self._walls.union(places)


class _Reach:
    """Face one of the targets."""

    def __init__(self, instruction: Any, world: World) -> None:
        self._target = Targets(instruction.desc, world)

    def targets(self) -> list[Targets]:
        return [self._target]

    def verify(self, _action: int, world: World, /) -> int:
        return SUCCESS if world.front in self._target.cells else CONTINUE


class _WalkInto:
    """Walk into one of the targets before anything else: ``verifiers.StrictGoToInstr``."""

    def __init__(self, instruction: Any, world: World) -> None:
        self._target = Targets(instruction.desc, world)
        self._cell = world.cell

    def targets(self) -> list[Targets]:
        return [self._target]

    def verify(self, action: int, world: World) -> int:
        """Succeed on a step that a target stops; fail on one that another thing stops."""
        before, self._cell = self._cell, world.cell
        if action != FORWARD or world.cell != before:
            return CONTINUE
        if world.front in self._target.cells:
            return SUCCESS
        return CONTINUE if world.front_object() == NOBODY else FAILURE


class _OpenDoor:
    """Open one of the targets."""

    def __init__(self, instruction: Any, world: World) -> None:
        self._target = Targets(instruction.desc, world)
        self._strict: bool = instruction.strict

    def targets(self) -> list[Targets]:
        return [self._target]

    def verify(self, action: int, world: World) -> int:
        """Succeed on toggling a target open; fail on toggling another door where strict."""
        if action != TOGGLE:
            return CONTINUE
        if world.faces_open_door() and world.front_object() in self._target.objects:
            return SUCCESS
        return FAILURE if self._strict and world.faces_door() else CONTINUE


class _Take:
    """Pick up one of the targets with empty hands."""

    def __init__(self, instruction: Any, world: World) -> None:
        self._target = Targets(instruction.desc, world)
        self._strict: bool = instruction.strict
        self._held_before = NOBODY

    def targets(self) -> list[Targets]:
        return [self._target]

    def verify(self, action: int, world: World) -> int:
        """Succeed on lifting a target with empty hands; fail on lifting anything else where strict."""
        held_before, self._held_before = self._held_before, world.carried
        if action != PICK_UP:
            return CONTINUE
        if held_before == NOBODY and world.carried in self._target.objects:
            return SUCCESS
        return FAILURE if self._strict and world.carried != NOBODY else CONTINUE


class _PutBeside:
    """Drop one of the targets next to one of the fixed things."""

    def __init__(self, instruction: Any, world: World) -> None:
        self._moved = Targets(instruction.desc_move, world)
        self._fixed = Targets(instruction.desc_fixed, world)
        self._strict: bool = instruction.strict
        self._held_before = NOBODY

    def targets(self) -> list[Targets]:
        return [self._moved, self._fixed]

    def verify(self, action: int, world: World) -> int:
        """Succeed on dropping a moved target beside a fixed one; fail on lifting anything where strict."""
        held_before, self._held_before = self._held_before, world.carried
        if self._strict and action == PICK_UP and world.carried != NOBODY:
            return FAILURE
        if action != DROP or held_before not in self._moved.objects or held_before not in world.places:
            return CONTINUE
        place = world.places[held_before]
        beside = any(place + move in self._fixed.cells for move in world.frame.moves)
        return SUCCESS if beside else CONTINUE


class _PutOnlyBeside:
    """Put one of the targets next to one of the fixed things: ``verifiers.StrictPutNextInstr``."""

    def __init__(self, instruction: Any, world: World) -> None:
        self._moved = Targets(instruction.desc_move, world)
        self._fixed = Targets(instruction.desc_fixed, world)
        self._held_before = NOBODY

    def targets(self) -> list[Targets]:
        return [self._moved, self._fixed]

    def verify(self, action: int, world: World) -> int:
        """Succeed on dropping a moved target beside a fixed one; fail on lifting or putting otherwise."""
        held_before, self._held_before = self._held_before, world.carried
        if action == PICK_UP and held_before == NOBODY and world.carried != NOBODY:
            return CONTINUE if world.carried in self._moved.objects else FAILURE
        if action != DROP or held_before == NOBODY or world.carried != NOBODY:
            return CONTINUE
        place = world.places[held_before]
        beside = any(place + move in self._fixed.cells for move in world.frame.moves)
        return SUCCESS if beside else FAILURE


class _InOrder:
    """First one goal, then another."""

    def __init__(self, first: Goal, second: Goal, second_too_early: Goal, strict: bool) -> None:
        self._first, self._second, self._strict = first, second, strict
        self._first_done = False
        self._second_too_early = second_too_early
        self.wrong_order = False

    def targets(self) -> list[Targets]:
        return [*self._first.targets(), *self._second.targets(), *self._second_too_early.targets()]

    def verify(self, action: int, world: World) -> int:
        """Verify the first goal until it is done, then the second."""
        if not self._first_done:
            status = self._first.verify(action, world)
            if status == FAILURE:
                return FAILURE
            self._first_done = status == SUCCESS
            if not self._first_done:
                if self._second_too_early.verify(action, world) == SUCCESS:
                    self.wrong_order = True
                    return FAILURE if self._strict else CONTINUE
                return CONTINUE
        return self._second.verify(action, world)


class _Together:
    """Both goals, in any order."""

    def __init__(self, parts: tuple[Goal, Goal]) -> None:
        self._parts = parts
        self._done = [False, False]

    def targets(self) -> list[Targets]:
        return [target for part in self._parts for target in part.targets()]

    def verify(self, action: int, world: World) -> int:
        for index, part in enumerate(self._parts):
            if not self._done[index]:
                self._done[index] = part.verify(action, world) == SUCCESS
        return SUCCESS if all(self._done) else CONTINUE


def reversed_order(goal: Goal) -> bool:
    """Return whether a later part of a sequence was done before an earlier one (BabyAI's strict mode)."""
    return isinstance(goal, _InOrder) and goal.wrong_order


_SIMPLE: dict[type, Callable[[Any, World], Goal]] = {
    verifier.GoToInstr: _Reach,
    verifier.OpenInstr: _OpenDoor,
    verifier.PickupInstr: _Take,
    verifier.PutNextInstr: _PutBeside,
    StrictGoToInstr: _WalkInto,
    StrictPutNextInstr: _PutOnlyBeside,
}


def goal_of(instruction: Any, world: World) -> Goal:
    """Return the goal of a MiniGrid instruction whose verifier has just been reset."""
    if isinstance(instruction, verifier.AndInstr):
        return _Together((goal_of(instruction.instr_a, world), goal_of(instruction.instr_b, world)))
    if isinstance(instruction, verifier.SeqInstr):
        first, second = _ordered(instruction)
        then = goal_of(second, world)
        too_early = then if instruction.strict else goal_of(second, world)
        return _InOrder(goal_of(first, world), then, too_early, instruction.strict)
    return _SIMPLE[type(instruction)](instruction, world)


def _ordered(sequence: Any) -> tuple[Any, Any]:
    """Return the parts of a BeforeInstr or AfterInstr in the order in which they are to be done."""
    if isinstance(sequence, verifier.AfterInstr):
        return sequence.instr_b, sequence.instr_a
    return sequence.instr_a, sequence.instr_b


def instruction_of(instruction: Any) -> Instruction:
    """Return the record of a MiniGrid instruction whose verifier has just been reset."""
    match instruction:
        case verifier.GoToInstr():
            return GoTo(_reference(instruction.desc))
        case verifier.OpenInstr():
            return Open(_reference(instruction.desc))
        case verifier.PickupInstr():
            return PickUp(_reference(instruction.desc))
        case verifier.PutNextInstr():
            return PutNext(_reference(instruction.desc_move), _reference(instruction.desc_fixed))
        case verifier.AndInstr():
            return Both(instruction_of(instruction.instr_a), instruction_of(instruction.instr_b))
    first, second = map(instruction_of, _ordered(instruction))
    return Then(first, second, after=isinstance(instruction, verifier.AfterInstr))


def _reference(description: Any) -> Reference:
    """Return how a description names its objects: "a" where it fits several of the scene, else "the"."""
    return Reference(description.type, description.color, len(description.obj_set) <= 1, description.loc)


def task_of(instruction: Instruction) -> str:
    """Return the kind of task, for instance ``goto`` or ``pickup_then_goto`` (both word orders)."""
    match instruction:
        case Then(first, second):
            return f"{task_of(first)}_then_{task_of(second)}"
        case Both(first, second):
            return f"{task_of(first)}_and_{task_of(second)}"
    return type(instruction).__name__.lower()


def references_in(instruction: Instruction) -> tuple[Reference, ...]:
    """Return every reference of an instruction, in reading order of the record."""
    match instruction:
        case Then(first, second) | Both(first, second):
            return references_in(first) + references_in(second)
        case PutNext(target, beside):
            return target, beside
        case GoTo(target) | PickUp(target) | Open(target):
            return (target,)
