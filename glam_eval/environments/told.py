"""Goals told in place of a scene's own: another thing of the scene, or a thing that isn't there.

What counts stays as it is; what is told has the same form, so that every language can say it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from minigrid.envs.babyai.core import verifier

from glam_eval.config.environment import ToldGoal
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.environments.vision import COLORS

PORTABLE = ("key", "ball", "box")
NAMED = (*PORTABLE, "door")

Describe = Callable[[Any, Sequence[str]], Any]


def told_instruction(goal: ToldGoal, env: Any, scene_seed: int) -> Any:
    """Return the MiniGrid instruction that is told in a scene that has just been reset; its verifier is, too.

    Args:
        goal: ``told`` gives the scene's own; ``swapped`` names other things of the scene, none of which the
            scene's own goal fits; ``absent`` names what isn't there.
        env: MiniGrid's environment.
        scene_seed: what is drawn depends on it alone.

    Raises:
        UserError: if the scene has too few other things, or everything that the goal could name.
    """
    if goal == "told":
        return env.instrs
    draws = stream(scene_seed, "told", goal)
    describe = _Others(env, draws) if goal == "swapped" else _Absent(env, draws)
    instruction = _redescribed(env.instrs, describe)
    instruction.reset_verifier(env)
    return instruction


def can_be_told(goal: ToldGoal, env: Any, scene_seed: int) -> bool:
    """Return whether a goal can be told in a scene that has just been reset."""
    try:
        told_instruction(goal, env, scene_seed)
    except UserError:
        return False
    return True


def descriptions_in(instruction: Any) -> Iterator[Any]:
    """Yield every description of things in a MiniGrid instruction."""
    if isinstance(instruction, verifier.SeqInstr):  # AndInstr is one, too
        yield from descriptions_in(instruction.instr_a)
        yield from descriptions_in(instruction.instr_b)
    elif isinstance(instruction, verifier.PutNextInstr):
        yield from (instruction.desc_move, instruction.desc_fixed)
    else:
        yield instruction.desc


def _redescribed(instruction: Any, describe: Describe) -> Any:
    """Return an instruction of the same form with every description replaced."""
    kind = type(instruction)
    match instruction:
        case verifier.SeqInstr():
            first = _redescribed(instruction.instr_a, describe)
            return kind(first, _redescribed(instruction.instr_b, describe), instruction.strict)
        case verifier.PutNextInstr():
            moved = describe(instruction.desc_move, PORTABLE)
            return kind(moved, describe(instruction.desc_fixed, NAMED), instruction.strict)
        case verifier.OpenInstr():
            return kind(describe(instruction.desc, ["door"]), instruction.strict)
        case verifier.PickupInstr():
            return kind(describe(instruction.desc, PORTABLE), instruction.strict)
    return kind(describe(instruction.desc, NAMED))


def _forms(meant: Any, noun: str, color: str) -> Iterator[Any]:
    """Yield descriptions of a noun and colour: in the form of the one that is meant, then in full."""
    form = noun if meant.type else None, color if meant.color else None
    yield verifier.ObjDesc(*form, meant.loc)
    if form != (noun, color) or meant.loc:
        yield verifier.ObjDesc(noun, color)


class _Others:
    """Describes things of the scene that neither its own goal nor an earlier description fits."""

    def __init__(self, env: Any, draws: Any) -> None:
        self._env = env
        fitting = (thing for each in descriptions_in(env.instrs) for thing in each.obj_set)
        self._taken = {id(thing) for thing in fitting}
        things = (thing for thing in env.grid.grid if thing is not None and thing.type in NAMED)
        kinds = sorted({(thing.type, thing.color) for thing in things})
        self._kinds = [kinds[place] for place in draws.permutation(len(kinds))]

    def __call__(self, meant: Any, nouns: Sequence[str]) -> Any:
        for noun, color in self._kinds:
            for description in _forms(meant, noun, color) if noun in nouns else ():
                fitting, _ = description.find_matching_objs(self._env)
                is_other = all(thing.type in nouns and id(thing) not in self._taken for thing in fitting)
                if fitting and is_other:
                    self._taken.update(map(id, fitting))
                    return description
        raise UserError(f"no other thing of the scene could be told of in {self._env.mission!r}")


class _Absent:
    """Describes what nothing in the scene fits."""

    def __init__(self, env: Any, draws: Any) -> None:
        self._env, self._draws = env, draws

    def __call__(self, meant: Any, nouns: Sequence[str]) -> Any:
        same = [noun for noun in nouns if (noun == "door") == (meant.type == "door")]
        kinds = list(product(same, COLORS))
        for place in self._draws.permutation(len(kinds)):
            for description in _forms(meant, *kinds[place]):
                fitting, _ = description.find_matching_objs(self._env)
                if not fitting:
                    return description
        raise UserError(f"everything that could be told of in {self._env.mission!r} is in the scene")
