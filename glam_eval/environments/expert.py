"""BabyAI's bot on our levels: what it would do next, and how many steps it takes on a scene."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from minigrid.utils.baby_ai_bot import BabyAIBot, DisappearedBoxError

from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.grid import LEFT, NOTHING

MAX_REVISIONS = 200  # subgoals added within one step; plans that went on were seen to add 10 at most


class BotLostError(Exception):
    """The bot revises its plan without end."""


# What the bot raises where its plan cannot go on: besides the first two, assertions and missing paths.
BOT_ERRORS = (BotLostError, DisappearedBoxError, AssertionError, AttributeError, IndexError, TypeError)


class _Plan(list[Any]):
    """The bot's stack of subgoals, which counts additions."""

    revisions = 0

    def append(self, subgoal: Any) -> None:
        """Add a subgoal.

        Raises:
            BotLostError: beyond all measure.
        """
        super().append(subgoal)
        self.revisions += 1
        if self.revisions > MAX_REVISIONS:
            raise BotLostError


class Bot(BabyAIBot):
    """BabyAI's bot, but raising BotLostError where MiniGrid's would plan forever."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)  # type: ignore[no-untyped-call]

    def replan(self, action_taken: int | None = None) -> int:
        """Return the MiniGrid action suggested, told the one last taken (None: the one last suggested)."""
        self.stack = _Plan(self.stack)
        return int(super().replan(action_taken))  # type: ignore[no-untyped-call]


class Replica:
    """MiniGrid's own environment of a scene, for the bot and for pictures; it follows the actions played.

    Args:
        level: its name.
        options: of the level.
    """

    def __init__(self, level: str, options: dict[str, Any]) -> None:
        self.env = make_scenes(level, **options)
        self._scene_seed: int | None = None
        self._played: list[int] = []

    def begin(self, scene_seed: int) -> None:
        """Go to the start of a scene."""
        self.env.reset(seed=scene_seed)
        self._scene_seed, self._played = scene_seed, []

    def play(self, action: int) -> bool:
        """Carry out one MiniGrid action; return whether the goal is reached with it."""
        self._played.append(action)
        _, reward, terminated, _, _ = self.env.step(action)
        return bool(terminated and reward > 0)

    def news(self, scene_seed: int, actions: Sequence[int]) -> list[int] | None:
        """Return the actions of an episode not yet followed, None where it is not the one followed."""
        known = len(self._played)
        if scene_seed != self._scene_seed or list(actions[:known]) != self._played:
            return None
        return list(actions[known:])

    def follow(self, scene_seed: int, actions: Sequence[int]) -> None:
        """Come to where the actions of an episode lead."""
        news = self.news(scene_seed, actions)
        if news is None:
            self.begin(scene_seed)
        for action in actions if news is None else news:
            self.play(action)


class Expert:
    """BabyAI's bot watching an episode: asked at any time, it has seen every action since the start.

    Args:
        level: its name.
        options: of the level.
    """

    def __init__(self, level: str, options: dict[str, Any]) -> None:
        self._level, self._options = level, options
        self._bot: Any = None
        self._advice = LEFT

    @cached_property
    def _replica(self) -> Replica:
        return Replica(self._level, self._options)

    def advise(self, scene_seed: int, actions: Sequence[int]) -> int:
        """Return the MiniGrid action the bot suggests after these actions of the scene.

        A bot that cannot go on is replaced by one that sees only the present; if that one cannot either, the
        advice is to turn left, which ends the episode by time.
        """
        news = self._replica.news(scene_seed, actions)
        if news is None:
            self._replica.begin(scene_seed)
            self._bot = Bot(self._replica.env)
            self._advice = self._ask(None)
        for action in actions if news is None else news:
            self._replica.play(action)
            self._advice = self._ask(action)
        return self._advice

    def _ask(self, action_taken: int | None) -> int:
        for _ in range(2):
            try:
                with np.errstate(all="ignore"):
                    advice: int = self._bot.replan(action_taken)
                if advice != NOTHING:
                    return advice
            except BOT_ERRORS:
                pass
            self._bot, action_taken = Bot(self._replica.env), None
        return LEFT


@lru_cache(maxsize=1 << 16)
def _bot_length(level: str, scene_seed: int, options: tuple[tuple[str, Any], ...]) -> int:
    env = _bot_replica(level, options)
    env.begin(scene_seed)
    bot = Bot(env.env)
    try:
        for step in range(1, env.env.max_steps + 1):
            if env.play(bot.replan()):
                return step
    except BOT_ERRORS:
        pass
    return -1


@lru_cache(maxsize=16)
def _bot_replica(level: str, options: tuple[tuple[str, Any], ...]) -> Replica:
    return Replica(level, dict(options))


def bot_length(level: str, scene_seed: int, **options: Any) -> int:
    """Return the steps BabyAI's bot takes on a scene, -1 if it does not solve it in time."""
    hashable = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    return _bot_length(level, scene_seed, tuple(sorted(hashable.items())))
