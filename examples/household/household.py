"""A world of your own: a house of four rooms, where a thing is to be put somewhere; needs no other package.

Install this folder (`pip install examples/household`) and name a level in a suite:
`level = "household/fetch"`. What can be done differs from step to step: where there is a door, something to
take, a place to put it.
"""

import random
from collections import deque
from dataclasses import dataclass, replace

from glam_eval.config.worlds import World

HALL = "hall"
PLACES = {"kitchen": "fridge", "bedroom": "bed", "study": "desk"}  # a place in each room around the hall
ON = {"fridge": "in", "bed": "on", "desk": "on"}
THINGS = ("apple", "book", "cup", "lamp", "sock")
KEY, HANDS = "key", "your hands"
MAX_STEPS = 20


@dataclass(frozen=True)
class State:
    """Where everything is: all that actions change."""

    room: str
    at: tuple[tuple[str, str], ...]  # of each thing: its place, the hall or the hands
    fridge_open: bool = False
    locked: str = ""  # a room

    @property
    def carried(self):
        """The thing in the hands, empty for none."""
        return next((thing for thing, where in self.at if where == HANDS), "")

    @property
    def here(self):
        """Things that can be seen and taken in the room."""
        spot = PLACES.get(self.room, HALL)
        if spot == "fridge" and not self.fridge_open:
            return []
        return [thing for thing, where in self.at if where == spot]

    def moved(self, thing, where):
        """The state with a thing elsewhere."""
        return replace(self, at=tuple((each, where if each == thing else old) for each, old in self.at))

    def options(self):
        """What each action offered leads to, by the action."""
        found = {}
        for room in PLACES if self.room == HALL else [HALL]:
            if room != self.locked:
                found[f"go to the {room}"] = replace(self, room=room)
            elif self.carried == KEY:
                found[f"unlock the {room}"] = replace(self, locked="")
        spot = PLACES.get(self.room, HALL)
        if spot == "fridge" and not self.fridge_open:
            found["open the fridge"] = replace(self, fridge_open=True)
            return found
        if not self.carried:
            return found | {f"take the {thing}": self.moved(thing, HANDS) for thing in self.here}
        down = "put down the {}" if spot == HALL else f"put the {{}} {ON[spot]} the {spot}"
        return found | {down.format(self.carried): self.moved(self.carried, spot)}


class Errand:
    """One episode: the thing of the goal is to be put in its place."""

    task = "put"
    max_steps = MAX_STEPS

    def __init__(self, level, scene_seed):
        draws = random.Random(f"{level} {scene_seed}")
        things = draws.sample(THINGS, 2)
        at = {thing: draws.choice([*PLACES.values()]) for thing in things}
        locked = ""
        if level == "locked":  # the key lies where one gets to without it
            locked = draws.choice([*PLACES])
            at[KEY] = draws.choice([HALL, *(PLACES[room] for room in PLACES if room != locked)])
        self.state = State(HALL, tuple(sorted(at.items())), locked=locked)
        self.layout = repr(self.state)
        goals = [(thing, spot) for thing in things for spot in PLACES.values() if spot != at[thing]]
        draws.shuffle(goals)
        self._wanted = {f"put the {thing} {ON[spot]} the {spot}": (thing, spot) for thing, spot in goals}
        self.goal, *self.others = self._wanted
        self._plans = {}

    @property
    def observation(self):
        """Sentences on the room and the hands."""
        state = self.state
        spot = PLACES.get(state.room)
        told = [f"You are in the {state.room}"]
        if spot:
            closed = spot == "fridge" and not state.fridge_open
            told.append(f"There is a closed {spot}" if closed else f"There is a {spot}")
        where = f"{ON[spot]} the {spot}" if spot else "on the floor"
        told += [f"You see a {thing} {where}" for thing in state.here]
        if state.room == HALL and state.locked:
            told.append(f"The {state.locked} is locked")
        return [*told, f"You carry the {state.carried}" if state.carried else "You carry nothing"]

    @property
    def actions(self):
        """What can be done now."""
        return list(self.state.options())

    @property
    def success(self):
        """Whether the goal is reached."""
        return self.reached(self.goal)

    over = success

    def reached(self, goal):
        """Whether this goal, or another that the scene can have, is reached."""
        return self._wanted[goal] in self.state.at

    def act(self, action):
        """Do one of the actions."""
        self.state = self.state.options()[action]

    def advise(self, goal):
        """The first action of a shortest way to a goal."""
        plan = self._plans.get(goal)
        if not plan or plan[0][0] != self.state:
            plan = self._plans[goal] = self._plan(self._wanted[goal])
        return plan.pop(0)[1]

    def _plan(self, wanted):
        """A shortest way, as states and the actions to take in them."""
        before = {self.state: None}
        waiting = deque([self.state])
        while waiting:
            state = waiting.popleft()
            if wanted in state.at:
                way = []
                while before[state] is not None:
                    state, action = before[state]
                    way.insert(0, (state, action))
                return way
            for action, following in state.options().items():
                if following not in before:
                    before[following] = state, action
                    waiting.append(following)
        raise ValueError(f"nothing leads to {wanted}")


HOUSEHOLD = World(
    "household",
    "a house of four rooms, where a thing is to be put in its place",
    {
        "fetch": "put one of two things somewhere; all rooms are open",
        "locked": "the same, with one room locked and its key in another place",
    },
    begin=Errand,
    has_expert=True,
    has_other_goals=True,
)
