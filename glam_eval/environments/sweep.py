"""A planner that knows the room and the kind of task but not the goal: it tries things in the nearest order.

What it reaches is what walking alone can give, so it is the ceiling of agents that don't read their goal.
"""

from collections import deque
from collections.abc import Callable, Container

from glam_eval.environments.commitments import Commitments, candidates
from glam_eval.environments.grid import (
    DROP,
    FORWARD,
    LEFT,
    NOBODY,
    PICK_UP,
    RIGHT,
    TOGGLE,
    World,
)

_USEFUL = {
    "goto": (),
    "walk into": (),
    "pickup": (PICK_UP,),
    "putnext": (PICK_UP, DROP),
    "open": (PICK_UP, DROP, TOGGLE),  # a locked door needs its key
}
_TRY = {"goto": FORWARD, "walk into": FORWARD, "pickup": PICK_UP, "putnext": PICK_UP, "open": TOGGLE}


def useful_actions(kinds: tuple[str, ...]) -> tuple[int, ...]:
    """Return the MiniGrid actions that kinds of task can need, in order: to walk and to handle things."""
    return tuple(sorted({LEFT, RIGHT, FORWARD, *(action for kind in kinds for action in _USEFUL[kind])}))


def sweep_action(world: World, commitments: Commitments) -> int:
    """Return the next action of the sweep: to the nearest thing that it has not tried, and try it there.

    A thing is tried as ``commitments`` counts it. What is carried is put down before the next is tried, where
    things are to be put beside the nearest other one. Of a sequence the sweep tries the first part only. It
    turns left when all is tried.
    """
    kind = commitments.kinds[0]
    untried = {world.places[n] for n in commitments.candidates - {*commitments.things} if n in world.places}
    if world.carried != NOBODY and kind != "open":
        return _put_down(world, beside_things=kind == "putnext")
    if kind == "open" and untried:
        return _open(world, untried)
    return _approach(world, untried.__contains__, _TRY[kind])


def _put_down(world: World, *, beside_things: bool) -> int:
    others = {world.places[number] for number in candidates(("goto",), world)}

    def fits(cell: int) -> bool:
        return not beside_things or any(cell + move in others for move in world.frame.moves)

    return _approach(world, lambda cell: world.is_empty(cell) and fits(cell), DROP)


def _open(world: World, untried: Container[int]) -> int:
    """Open the nearest door that can be opened, or fetch the nearest key of a locked one."""
    if _way(world, lambda cell: cell in untried and world.opens(cell)) is not None:
        return _approach(world, lambda cell: cell in untried and world.opens(cell), TOGGLE)
    if world.carried != NOBODY:
        return _put_down(world, beside_things=False)
    keys = world.doors_and_keys()
    wanted = {world.places[n] for n in keys if n in world.places and world.natures[n].type == "key"}
    return _approach(world, wanted.__contains__, PICK_UP)


def _approach(world: World, is_wanted: Callable[[int], bool], then: int) -> int:
    """Return the first action on the shortest way to face a wanted cell; ``then`` where it is faced."""
    way = _way(world, is_wanted)
    return LEFT if way is None else then if way < 0 else way


def _way(world: World, is_wanted: Callable[[int], bool]) -> int | None:
    """Return the first action to face a wanted cell, -1 where one is faced, None where none can be."""
    moves = world.frame.moves
    start = world.cell, world.direction
    if is_wanted(world.cell + moves[world.direction]):
        return -1
    reached: dict[tuple[int, int], int] = {start: -1}  # pose -> first action on the way to it
    queue = deque([start])
    while queue:
        cell, direction = pose = queue.popleft()
        ahead = cell + moves[direction]
        nexts = [(LEFT, (cell, (direction - 1) % 4)), (RIGHT, (cell, (direction + 1) % 4))]
        if world.is_passable(ahead):
            nexts.insert(0, (FORWARD, (ahead, direction)))
        for action, following in nexts:
            if following in reached:
                continue
            reached[following] = action if pose == start else reached[pose]
            if is_wanted(following[0] + moves[following[1]]):
                return reached[following]
            queue.append(following)
    return None
