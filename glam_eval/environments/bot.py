"""BabyAI's bot: a planner that is told the goal, plans only with what it has seen, and can be stopped."""

from typing import Any

from minigrid.utils.baby_ai_bot import BabyAIBot, DisappearedBoxError

from glam_eval.environments.grid import FORWARD, NOTHING
from glam_eval.environments.verifiers import StrictGoToInstr

MAX_REVISIONS = 200  # subgoals added within one step; plans that went on were seen to add 10 at most


class BotLostError(Exception):
    """The bot revises its plan without end."""


# What the bot raises where its plan cannot go on: besides the first two, assertions and missing paths.
BOT_ERRORS = (BotLostError, DisappearedBoxError, AssertionError, AttributeError, IndexError, TypeError)


class _Plan(list[Any]):
    """The bot's stack of subgoals, which counts additions."""

    revisions = 0

    def append(self, subgoal: Any) -> None:
        """Add a subgoal; raises BotLostError beyond all measure."""
        super().append(subgoal)
        self.revisions += 1
        if self.revisions > MAX_REVISIONS:
            raise BotLostError


class Bot(BabyAIBot):
    """BabyAI's bot, but raising BotLostError where MiniGrid's would plan forever.

    Where going to a thing is strict, it walks into the thing that it has come to.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env)  # type: ignore[no-untyped-call]
        # MiniGrid's believes to be done as soon as it faces the thing.
        self._walks_into_things = isinstance(env.unwrapped.instrs, StrictGoToInstr)

    def replan(self, action_taken: int | None = None) -> int:
        """Return the MiniGrid action suggested, told the one last taken (None: the one last suggested)."""
        self.stack = _Plan(self.stack)
        action = int(super().replan(action_taken))  # type: ignore[no-untyped-call]
        return FORWARD if action == NOTHING and self._walks_into_things else action
