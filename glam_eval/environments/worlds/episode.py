"""What an episode of another package's world is: a goal, observations and actions, all in words."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class WorldEpisode(Protocol):
    """One episode of a scene, under way; ``config.worlds.World.begin`` makes it.

    Deterministic: equal scenes under equal actions are equal, observations and lists of actions included.

    Attributes:
        task: kind of task, a word for the tables.
        goal: the scene's own goal, a sentence.
        max_steps: steps after which the episode ends in any case.
        observation: what is perceived now, one sentence each.
        actions: what can be done now, 1 to ``MOST_ACTIONS`` distinct phrases, in an order that tells nothing;
            none once the episode is over.
        success: whether the scene's own goal is reached.
        over: whether nothing more can be done: the goal is reached, or can't be any more.
    """

    task: str
    goal: str
    max_steps: int

    @property
    def observation(self) -> Sequence[str]:
        """What is perceived now."""

    @property
    def actions(self) -> Sequence[str]:
        """What can be done now."""

    @property
    def success(self) -> bool:
        """Whether the scene's own goal is reached."""

    @property
    def over(self) -> bool:
        """Whether nothing more can be done."""

    def act(self, action: str) -> None:
        """Do one of the actions, given as it is offered."""


@runtime_checkable
class AdvisedEpisode(Protocol):
    """An episode with an expert."""

    def advise(self, goal: str) -> str:
        """Return the action, of those offered now, by which an expert pursues a goal.

        The goal is the scene's own, or one of ``ManyGoalsEpisode.others``.
        """


@runtime_checkable
class ManyGoalsEpisode(Protocol):
    """An episode of a scene that can have other goals than its own, so that another can be told.

    Attributes:
        others: these goals, each a sentence as the own one's; none of all is reached when the scene begins.
    """

    others: Sequence[str]

    def reached(self, goal: str) -> bool:
        """Return whether a goal, the own or one of the others, is reached now."""


@runtime_checkable
class ComparedEpisode(Protocol):
    """An episode that tells what its scene is, so that scenes met in training are known in tests.

    Attributes:
        layout: equal for two scenes exactly if the same is in them, hidden things included.
    """

    layout: str
