"""BabyAI's bot on our levels: what it would do next, and what it does on a scene."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from glam_eval.config.environment import ToldGoal
from glam_eval.environments.bot import BOT_ERRORS, Bot
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.grid import LEFT, NOTHING
from glam_eval.environments.told import told_instruction


class Replica:
    """MiniGrid's own environment of a scene, for the bot and for pictures; it follows the actions played.

    The goal in it is the one that is told.

    Args:
        level: its name.
        options: of the level.
        goal: what is told.
    """

    def __init__(self, level: str, options: dict[str, Any], goal: ToldGoal = "told") -> None:
        self.env = make_scenes(level, **options)
        self._goal: ToldGoal = goal
        self._scene_seed: int | None = None
        self._played: list[int] = []

    def begin(self, scene_seed: int) -> None:
        """Go to the start of a scene."""
        self.env.reset(seed=scene_seed)
        self.env.instrs = told_instruction(self._goal, self.env, scene_seed)
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

    def __init__(self, level: str, options: dict[str, Any], goal: ToldGoal = "told") -> None:
        self._level, self._options = level, options
        self._goal: ToldGoal = goal
        self._bot: Any = None
        self._advice = LEFT

    @cached_property
    def _replica(self) -> Replica:
        return Replica(self._level, self._options, self._goal)

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
def _bot_actions(level: str, scene_seed: int, options: tuple[tuple[str, Any], ...]) -> tuple[int, ...] | None:
    env = _bot_replica(level, options)
    env.begin(scene_seed)
    bot = Bot(env.env)
    actions: list[int] = []
    try:
        for _ in range(env.env.max_steps):
            actions.append(bot.replan())
            if env.play(actions[-1]):
                return tuple(actions)
    except BOT_ERRORS:
        pass
    return None


@lru_cache(maxsize=16)
def _bot_replica(level: str, options: tuple[tuple[str, Any], ...]) -> Replica:
    return Replica(level, dict(options))


def bot_actions(level: str, scene_seed: int, **options: Any) -> tuple[int, ...] | None:
    """Return the MiniGrid actions by which BabyAI's bot solves a scene, None if it does not in time."""
    hashable = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    return _bot_actions(level, scene_seed, tuple(sorted(hashable.items())))


def bot_length(level: str, scene_seed: int, **options: Any) -> int:
    """Return the steps BabyAI's bot takes on a scene, -1 if it does not solve it in time."""
    actions = bot_actions(level, scene_seed, **options)
    return -1 if actions is None else len(actions)
