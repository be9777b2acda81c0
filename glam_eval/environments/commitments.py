"""What an agent commits itself to: the things that it reaches, picks up, opens or puts down, in order.

An agent that doesn't read its goal begins with the one told as often as chance has it; one that reads it
begins with the one told.
"""

from typing import Any

from minigrid.envs.babyai.core import verifier

from glam_eval.core.world import FirstCommitment
from glam_eval.environments.grid import DROP, FORWARD, NOBODY, PICK_UP, TOGGLE, World
from glam_eval.environments.told import NAMED, PORTABLE
from glam_eval.environments.verifiers import StrictGoToInstr

_CANDIDATES = {"goto": NAMED, "walk into": NAMED, "pickup": PORTABLE, "putnext": PORTABLE, "open": ("door",)}


class Commitments:
    """Follows an episode of a world; what commits is the kind of task of the part to be done first."""

    def __init__(self, meant: Any, told: Any, world: World) -> None:
        """Begin with the MiniGrid instructions of a scene, whose verifiers have just been reset."""
        self.kinds = tuple(dict.fromkeys(map(_kind, _first_parts(meant))))
        self.things: list[int] = []  # each once, in the order in which they were first committed to
        self.candidates = candidates(self.kinds, world)
        self._world = world
        self._meant, self._told = _targets(meant, world), _targets(told, world)
        self._held, self._cell = world.carried, world.cell

    def follow(self, action: int) -> None:
        """Note what an action that has just been carried out commits the agent to."""
        for kind in self.kinds:
            thing = self._commits(kind, action)
            if thing != NOBODY and thing not in self.things:
                self.things.append(thing)
        self._held, self._cell = self._world.carried, self._world.cell

    def _commits(self, kind: str, action: int) -> int:
        world = self._world
        match kind:
            case "goto":
                return world.front_object()
            case "walk into" if action == FORWARD and world.cell == self._cell:
                return world.front_object()
            case "pickup" if action == PICK_UP and self._held == NOBODY:
                return world.carried
            case "open" if action == TOGGLE and world.faces_open_door():
                return world.front_object()
            case "putnext" if action == DROP and world.carried == NOBODY:
                return self._held
        return NOBODY

    def first(self) -> FirstCommitment:
        """Return the first one so far, as columns of the episode."""
        natures = self._world.natures
        kinds = {_description(natures[number]) for number in self.candidates}
        named = {_description(natures[number]) for number in self.candidates & self._told}
        chance = len(named) / len(kinds) if kinds else 0.0
        if not self.things:
            return FirstCommitment("", told=False, meant=False, chance=chance)
        thing = self.things[0]
        return FirstCommitment(
            _description(natures[thing]), thing in self._told, thing in self._meant, chance
        )


def candidates(kinds: tuple[str, ...], world: World) -> frozenset[int]:
    """Return the things that lie in a world and that one of the kinds of task could be about."""
    nouns = {noun for kind in kinds for noun in _CANDIDATES[kind]}
    return frozenset(number for number in world.places if world.natures[number].type in nouns)


def _description(nature: Any) -> str:
    return f"{nature.color} {nature.type}"


def _first_parts(instruction: Any) -> list[Any]:
    """Return the parts of an instruction that may be done first."""
    match instruction:
        case verifier.AndInstr():
            return [*_first_parts(instruction.instr_a), *_first_parts(instruction.instr_b)]
        case verifier.AfterInstr():
            return _first_parts(instruction.instr_b)
        case verifier.BeforeInstr():
            return _first_parts(instruction.instr_a)
    return [instruction]


def _kind(part: Any) -> str:
    match part:
        case StrictGoToInstr():
            return "walk into"
        case verifier.GoToInstr():
            return "goto"
        case verifier.PickupInstr():
            return "pickup"
        case verifier.OpenInstr():
            return "open"
    return "putnext"


def _targets(instruction: Any, world: World) -> frozenset[int]:
    """Return the things that the parts to be done first are about; of a thing to be put, not its place."""
    parts = _first_parts(instruction)
    named = (part.desc_move if isinstance(part, verifier.PutNextInstr) else part.desc for part in parts)
    return frozenset().union(*(world.numbers(each.obj_set) for each in named))
