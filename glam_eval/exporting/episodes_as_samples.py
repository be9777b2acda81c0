"""Episodes as the samples of Every Eval Ever: what was told, what was done, what came of it."""

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from glam_eval.exporting.every_eval_ever_names import COLLECTION, SCHEMA_VERSION, result_id
from glam_eval.exporting.told import group_of
from glam_eval.figures.identity import records
from glam_eval.language import ACTION_SETS

Message = dict[str, Any]
_EPISODE = ["run_id", "frames", "protocol", "shift", "scene_seed"]
_TOLD = ("seed", "frames", "protocol", "shift", "language", "task", "goal", "return", "length", "bot_length")


def samples(
    record: dict[str, Any], runs: pd.DataFrame, episodes: pd.DataFrame, steps: pd.DataFrame | None
) -> Iterator[bytes]:
    """Yield the episodes of a record as JSON lines.

    Episodes whose steps are stored have them as a conversation, observation and action in turn; of the
    others the goal and all actions are told, and the scene's seed brings the rest back.

    Args:
        record: The record that they belong to.
        runs: Its runs.
        episodes: Their episodes at the last checkpoint.
        steps: Stored steps of these runs, if there are any.
    """
    names = {str(run["run_id"]): _action_names(run["config"]) for run in records(runs)}
    replays = {} if steps is None else _replays(steps)
    for row in records(episodes):
        turns = replays.get(tuple(row[name] for name in _EPISODE))
        messages = _with_goal(row, turns) if turns else _told_at_once(row, names[str(row["run_id"])])
        yield json.dumps(_sample(record, row, messages), ensure_ascii=False).encode() + b"\n"


def _sample(record: dict[str, Any], row: dict[str, Any], messages: list[Message]) -> dict[str, Any]:
    last = messages[-1]
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": record["evaluation_id"],
        "model_id": record["model_info"]["id"],
        "evaluation_name": f"{COLLECTION}.{row['protocol']}.{row['shift']}",
        "evaluation_result_id": result_id(row),
        "sample_id": f"{row['level']}/{row['scene_seed']}",
        "interaction_type": "agentic",
        "input": {"raw": str(row["mission"]), "reference": []},
        "messages": messages,
        "answer_attribution": [
            {
                "turn_idx": last["turn_idx"],
                "source": f"messages[{last['turn_idx']}].content",
                "extracted_value": last["content"],
                "extraction_method": "environment",
                "is_terminal": True,
            }
        ],
        "evaluation": {
            "score": float(row["success"]),
            "is_correct": bool(row["success"]),
            "num_turns": int(row["length"]),
        },
        "metadata": {"run_id": str(row["run_id"])} | {name: str(row[name]) for name in _TOLD if name in row},
    }


def _told_at_once(row: dict[str, Any], names: tuple[str, ...]) -> list[Message]:
    """Return an episode as two turns: the goal, and all actions, by their names in English."""
    stored = row.get("actions")
    digits = stored if isinstance(stored, str) else ""
    done = [names[int(digit, 36)] if int(digit, 36) < len(names) else digit for digit in digits]
    return _numbered([("user", str(row["mission"])), ("assistant", ", ".join(done))])


def _with_goal(row: dict[str, Any], turns: list[tuple[str, str]]) -> list[Message]:
    (role, first), *rest = turns
    return _numbered([(role, f"{row['mission']}\n{first}"), *rest])


def _numbered(turns: list[tuple[str, str]]) -> list[Message]:
    return [{"turn_idx": turn, "role": role, "content": text} for turn, (role, text) in enumerate(turns)]


def _replays(steps: pd.DataFrame) -> dict[tuple[Any, ...], list[tuple[str, str]]]:
    """Return the stored episodes: what is read and done in turn, as it was read and offered."""
    found: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for step in records(steps.sort_values([*_EPISODE, "step"])):
        turns = found.setdefault(tuple(step[name] for name in _EPISODE), [])
        turns.append(("user", "\n".join(map(str, step["sentences"]))))
        turns.append(("assistant", str(step["action_names"][step["action"]])))
    return found


def _action_names(config: str) -> tuple[str, ...]:
    """Return the actions of a run's world in the order of their indices."""
    chosen = group_of(group_of(config), "environment").get("actions", "canonical")
    return tuple(name.replace("_", " ") for name in ACTION_SETS.get(str(chosen), ()))
