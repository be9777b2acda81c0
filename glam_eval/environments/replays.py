"""Episodes played again from their stored actions: what older results did not count."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args

import pandas as pd

from glam_eval.config.environment import ToldGoal
from glam_eval.core.errors import UserError
from glam_eval.core.world import FirstCommitment
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.episode import DIGITS, Episode
from glam_eval.environments.expert import bot_actions

FIRST_COLUMNS = (
    "success_told",
    "first_thing",
    "first_told",
    "first_meant",
    "first_chance",
    "bot_first_meant",
)


def replay(
    level: str, scene_seed: int, actions: Sequence[int], goal: ToldGoal = "told", **options: Any
) -> Episode:
    """Return the episode of a scene after actions, given by their indices, those after its end left out."""
    episode = Episode(make_scenes(level, **options), scene_seed, goal)
    for action in actions:
        if not episode.over:
            episode.step(action)
    return episode


def bot_first(level: str, scene_seed: int, **options: Any) -> FirstCommitment:
    """Return what BabyAI's bot first commits itself to in a scene; nothing where it does not solve it."""
    hashable = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    return _bot_first(level, scene_seed, tuple(sorted(hashable.items())))


@lru_cache(maxsize=1 << 16)
def _bot_first(level: str, scene_seed: int, options: tuple[tuple[str, Any], ...]) -> FirstCommitment:
    taken = bot_actions(level, scene_seed, **dict(options)) or ()
    return replay(level, scene_seed, taken, **dict(options)).commitments.first()


def first_commitments(episodes: pd.DataFrame, options: dict[str, Any] | None = None) -> pd.DataFrame:
    """Return what evaluation episodes first committed their agents to, played again from their actions.

    Args:
        episodes: rows of the table ``episodes`` on levels with the same options; a column ``goal`` says what
            was told, the scenes' own goals if it is missing.
        options: of their levels.

    Returns:
        The columns ``FIRST_COLUMNS`` of ``EpisodeRecord`` with the index of ``episodes``. They are missing
        where actions are not stored, or do not lead to the stored success and length or goal: such an episode
        was played with other options.
    """
    records: list[dict[str, Any]] = episodes.to_dict("records")  # type: ignore[assignment]
    rows = [_replayed(record, options or {}) for record in records]
    return pd.DataFrame(rows, columns=list(FIRST_COLUMNS), index=episodes.index)


def _replayed(row: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    actions = [DIGITS.index(digit) for digit in str(row["actions"])]
    goal = row.get("goal", "told")
    told: ToldGoal = goal if goal in get_args(ToldGoal) else "told"
    level, scene_seed = str(row["level"]), int(row["scene_seed"])
    try:
        played = replay(level, scene_seed, actions, told, **options)
    except UserError:
        return {}
    if not played.over or (played.success, len(played.actions)) != (row["success"], row["length"]):
        return {}
    first = played.commitments.first()
    return {
        "success_told": played.success_told,
        "first_thing": first.thing,
        "first_told": first.told,
        "first_meant": first.meant,
        "first_chance": first.chance,
        "bot_first_meant": bot_first(level, scene_seed, **options).meant,
    }
