"""What is seen and what is asked, free of any language: the vocabulary between environments and language."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Noun = str  # "key", "ball", "box", "door"; other MiniGrid objects by their MiniGrid name
Color = str  # "red", "green", "blue", "purple", "yellow", "grey"
IDLE = 6  # the action of doing nothing, MiniGrid's "done": it can be taken, whether it is offered or not
DoorState = Literal["open", "closed", "locked"]


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with a colour; a door also has a state."""

    noun: Noun
    color: Color
    state: DoorState | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A thing or a wall (``thing`` is None) seen ``right`` steps right and ``forward`` steps ahead.

    ``right`` is negative to the left. Unit: grid cells.
    """

    thing: Thing | None
    right: int
    forward: int


@dataclass(frozen=True, slots=True)
class View:
    """All that is told of one moment: the carried thing, then walls and things in reading order."""

    carrying: Thing | None
    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """How a goal names a thing: noun and colour may be unnamed ("the door", "a red object")."""

    noun: Noun | None
    color: Color | None
    definite: bool
    location: Literal["left", "right", "front", "behind"] | None = None


@dataclass(frozen=True, slots=True)
class GoTo:
    """Go to a thing."""

    target: Reference


@dataclass(frozen=True, slots=True)
class PickUp:
    """Pick up a thing."""

    target: Reference


@dataclass(frozen=True, slots=True)
class Open:
    """Open a door."""

    target: Reference


@dataclass(frozen=True, slots=True)
class PutNext:
    """Put a thing next to another."""

    target: Reference
    beside: Reference


@dataclass(frozen=True, slots=True)
class Then:
    """First one goal, then another: "A, then B" or, with ``after``, "B after you A"."""

    first: "Instruction"
    second: "Instruction"
    after: bool = False


@dataclass(frozen=True, slots=True)
class Both:
    """Both goals, in any order: "A and B"."""

    first: "Instruction"
    second: "Instruction"


Instruction = GoTo | PickUp | Open | PutNext | Then | Both


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """What the agent perceives now: the goal and the view in words, and the 7x7 symbolic view."""

    mission: str
    sentences: tuple[str, ...]
    image: NDArray[np.uint8]  # (7, 7, 3): type, colour, state; first axis columns
    direction: int  # 0 right, 1 down, 2 left, 3 up


def _no_world() -> int:
    """Refuse to plan: a prompt that was stored has no world."""
    raise LookupError("a situation without a world has no planner")


def _no_other_prompt(template: str) -> str:
    """Refuse to retell: of a prompt that was stored nothing else is known."""
    raise LookupError(f"a situation without a world can't be told in template {template!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """All that a policy may use to decide: each policy reads the part it needs."""

    observation: Observation
    prompt: str
    actions: tuple[str, ...]  # phrases offered, in the order of their indices
    expert_action: Callable[[], int]  # BabyAI's bot, asked only by the bot and by cloning
    sweep_action: Callable[[], int] = _no_world  # tries things in the nearest order, whatever the goal
    useful_actions: tuple[int, ...] = ()  # those that the scene's kind of task can need
    retell: Callable[[str], str] = _no_other_prompt  # the prompt in another template, by its name


@dataclass(frozen=True, slots=True)
class StepResult:
    """The outcome of one action."""

    reward: float  # 1 - 0.9 t/T at success, else 0; unscaled
    terminated: bool
    truncated: bool

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self.terminated or self.truncated


@dataclass(frozen=True, slots=True)
class FirstCommitment:
    """The first thing that an agent committed itself to in an episode."""

    thing: str  # "red ball", in English whatever the agent was told in; empty for none
    told: bool  # whether it is one that the goal told names first
    meant: bool  # whether it is one that the scene's own goal names first
    chance: float  # share of the scene's candidates, by description, that the goal told names first


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """A finished episode."""

    task: str
    scene_seed: int
    mission: str
    success: bool
    episode_return: float
    length: int
    actions: str  # one base-36 character a step
    steps_blocked: int
    cells_visited: int
    wrong_object: bool
    wrong_order: bool
    success_told: bool  # reached what was told, which is what counts unless another goal was told
    first: FirstCommitment


@dataclass(frozen=True, slots=True)
class EpisodeState:
    """An episode under way. Worlds are deterministic, so its scene and its actions are its whole state."""

    scene_seed: int
    actions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GridSnapshot:
    """The whole grid at one moment, for pictures."""

    grid: bytes  # width x height x 3 uint8, first axis columns
    width: int
    agent_x: int
    agent_y: int
    agent_direction: int
