"""Leaderboards of prompted agents beside ours: their numbers as they gave them, ours as theirs would be.

Scenes are theirs and ours, prompts and action names differ: nothing is tested, both are told side by side.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from glam_eval.core.errors import UserError
from glam_eval.statistics.cells import final_checkpoints, tabulate
from glam_eval.statistics.inference.intervals import estimate_mean
from glam_eval.statistics.names import condition_name

ALL = "all"  # tasks together, each as much as any other


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """A leaderboard.

    Attributes:
        citation: where its numbers come from, and how they were measured.
        levels: our levels with its tasks.
        by: the column of ``episodes`` that tells tasks apart.
        tasks: its tasks, as that column calls them.
        episodes: how many it plays of all tasks together.
        options: of the level, where it has its scenes alone.
    """

    citation: str
    levels: tuple[str, ...]
    by: str
    tasks: tuple[str, ...]
    episodes: int
    options: tuple[tuple[str, object], ...] = ()


_AGENTGYM = ("GoTo", "Pickup", "ActionObjDoor", "FindObjS7", "OneRoomS20", "SynthLoc")
LEADERBOARDS = {
    "balrog": Leaderboard(
        "BALROG (Paglieri et al. 2024, arXiv 2411.13543), its BabyAI: submissions of "
        "github.com/balrog-ai/experiments up to July 2025; errors are one standard error of episodes, of "
        "single tasks by the same formula from the episodes stored there",
        levels=("MixedTrainLocal",),
        by="task",
        tasks=("goto", "pickup", "open", "putnext", "pickup_then_goto"),
        episodes=50,
        options=(("bare", True),),
    ),
    "agentgym": Leaderboard(
        "AgentGym-RL (Xi et al. 2025, arXiv 2509.08755), its BabyAI: all levels together, without errors; "
        "each share is a number of ninetieths, whence the number of episodes; its actions are larger than "
        "ours (go to an object, pick one up)",
        levels=_AGENTGYM,
        by="level",
        tasks=_AGENTGYM,
        episodes=90,
    ),
}
COLUMNS = ["who", "a", "way", "task", "success", "low", "high", "error", "n_episodes", "as_theirs", "note"]


@cache
def leaderboard(name: str) -> pd.DataFrame:
    """Return a leaderboard's numbers: agent, way, task, success, error (NaN where not given), episodes."""
    file = files("glam_eval.statistics") / "published_numbers" / f"{name}.csv"
    with file.open(encoding="utf-8") as stream:
        return pd.read_csv(stream)


def beside_leaderboard(episodes: pd.DataFrame, name: str, runs: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a leaderboard's numbers and ours, a row for each agent and task, the best of both first.

    Theirs have ``low`` and ``high`` one error from the success, as they were given. Ours have 95% intervals
    over seeds and scenes, and ``as_theirs``: the standard error of our success with their number of episodes.

    Args:
        episodes: of our agents; those count whose own goal was told in the words of training.
        name: of the leaderboard.
        runs: their runs, which say how scenes were made.

    Raises:
        UserError: if no episode was played on its levels.
    """
    board = LEADERBOARDS[name]
    rows = [*_theirs(leaderboard(name)), *_ours(board, name, episodes, _other_scenes(board, runs))]
    table = pd.DataFrame(rows, columns=COLUMNS)
    best = {_agent(row): row["success"] for row in rows if row["task"] == ALL}
    places = {task: place for place, task in enumerate([ALL, *board.tasks])}
    order = sorted(
        range(len(table)),
        key=lambda row: (-best[_agent(rows[row])], _agent(rows[row]), places[rows[row]["task"]]),
    )
    return table.iloc[order].reset_index(drop=True)


def _agent(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return str(row["who"]), str(row["a"]), str(row["way"])


def _theirs(numbers: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in json.loads(numbers.to_json(orient="records")):
        error = np.nan if row["error"] is None else row["error"]
        yield {
            "who": "published",
            "a": row["agent"],
            "way": row["way"],
            "task": row["task"],
            "success": row["success"],
            "low": row["success"] - error,
            "high": row["success"] + error,
            "error": error,
            "n_episodes": row["episodes"],
            "as_theirs": np.nan,
            "note": "",
        }


def _ours(
    board: Leaderboard, name: str, episodes: pd.DataFrame, other_scenes: set[str]
) -> Iterator[dict[str, Any]]:
    final = final_checkpoints(episodes)
    told = (final["goal"] == "told") & (final["language"] == "en") if "goal" in final else True
    plain = final["shift"].astype(str).isin(["none", *board.levels])
    rows = final[final["level"].astype(str).isin(board.levels) & plain & told]
    rows = rows[rows[board.by].astype(str).isin(board.tasks)]
    if rows.empty:
        raise UserError(
            f"no episodes on {', '.join(board.levels)} in the words of training: nothing stands beside {name}"
        )
    rows = rows.astype({"agent": str, "model": str, board.by: str})
    # Scenes of two levels or protocols may have one seed, and are two scenes.
    scenes = pd.factorize(rows["protocol"].astype(str) + rows[board.by] + rows["scene_seed"].astype(str))[0]
    rows = rows.assign(scene_seed=scenes, protocol="all")
    for (agent, model), own in rows.groupby(["agent", "model"]):
        known = {"who": "ours", "a": condition_name(str(agent), str(model)), "way": ""}
        note = _note(board, own, other_scenes)
        rates = own.groupby(board.by)["success"].mean()
        for task in [ALL, *(task for task in board.tasks if task in rates.index)]:
            yield {
                **known,
                "task": task,
                **_measured(board, own, rates, task),
                "note": note if task == ALL else "",
            }


def _measured(board: Leaderboard, own: pd.DataFrame, rates: pd.Series, task: str) -> dict[str, Any]:
    """Return our success in a task, or in all, with its interval, and its error with their episodes."""
    chosen = own if task == ALL else own[own[board.by] == task]
    each = board.episodes / len(board.tasks)
    counted = rates if task == ALL else rates[[task]]
    as_theirs = float(np.sqrt((counted * (1 - counted) / each).sum()) / len(counted))
    estimate = estimate_mean(tabulate(chosen, ["agent", "model"]).matrix(0), "proportion")
    low, high = estimate.interval()
    return {
        "success": estimate.value,
        "low": low,
        "high": high,
        "error": estimate.error,
        "n_episodes": len(chosen),
        "as_theirs": as_theirs,
    }


def _note(board: Leaderboard, own: pd.DataFrame, other_scenes: set[str]) -> str:
    """Return what makes ours another measurement than theirs."""
    counts = own.groupby(board.by).size()
    notes = []
    if lacking := [task for task in board.tasks if task not in counts.index]:
        notes.append(f"without {', '.join(lacking)}")
    if counts.nunique() > 1:
        notes.append("tasks of unlike numbers of episodes, which all count by")
    if "run_id" in own and set(own["run_id"].astype(str)) & other_scenes:
        notes.append(
            "in other scenes than theirs: " + ", ".join(f"theirs have {k}" for k, _ in board.options)
        )
    if own["seed"].nunique() < 2:
        notes.append("one seed: no interval")
    return "; ".join(notes)


def _other_scenes(board: Leaderboard, runs: pd.DataFrame | None) -> set[str]:
    """Return the runs whose level was made with other options than the leaderboard's."""
    if runs is None or not board.options or "config" not in runs:
        return set()
    other = set()
    for run_id, config in zip(runs["run_id"].astype(str), runs["config"], strict=True):
        options = json.loads(config).get("environment", {}).get("options", {})
        if any(options.get(key) != value for key, value in board.options):
            other.add(run_id)
    return other
