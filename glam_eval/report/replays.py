"""Stored episodes as compact JSON: equal grids and equal sentences are held once."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.figures.identity import condition_label, records
from glam_eval.figures.study import Study

EPISODE = ["run_id", "frames", "protocol", "shift", "scene_seed"]  # what identifies an episode
SIZE_LIMIT = 4_000_000  # bytes of JSON, so that the page stays well under 10 MB


@dataclass(frozen=True)
class Replays:
    """What the replay browser needs: its data as a JSON script, and the values of its menus."""

    data: Markup
    agents: list[tuple[str, str]]
    shifts: list[tuple[str, str]]
    note: str


class _Pool:
    """Values by index, each held once."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}

    def add(self, value: str) -> int:
        return self.index.setdefault(value, len(self.index))

    def add_all(self, values: Iterable[Any]) -> list[int]:
        return [self.add(str(value)) for value in values]


def collect_replays(study: Study) -> Replays | None:
    """Return the stored episodes that fit into the page, over all agents and shifts; None if none are."""
    steps = study.tables.get("steps")
    if steps is None or steps.empty:
        return None
    episodes_table = study.tables["episodes"]
    stored = episodes_table["run_id"].isin(steps["run_id"].unique())
    stored &= episodes_table["scene_seed"].isin(steps["scene_seed"].unique())
    outcomes = {_key(row): row for row in records(episodes_table[stored])}
    grids, texts = _Pool(), _Pool()
    episodes: list[dict[str, Any]] = []
    size = left_out = 0
    for rows in _spread(steps):
        key = _key(records(rows.head(1))[0])
        if key not in outcomes:
            left_out += 1
            continue
        before = len(grids.index), len(texts.index)
        episode = _episode(rows.sort_values("step"), outcomes[key], grids, texts)
        new = [*list(grids.index)[before[0] :], *list(texts.index)[before[1] :]]
        size += len(json.dumps(episode)) + sum(len(value) + 4 for value in new)
        if size > SIZE_LIMIT and episodes:
            left_out += 1
            continue
        episodes.append(episode)
    if not episodes:
        return None
    text = json.dumps(
        {"episodes": episodes, "grids": list(grids.index), "texts": list(texts.index)}, separators=(",", ":")
    )
    note = f"{len(episodes)} stored episodes of first seeds, step by step."
    if left_out:
        note += f" {left_out} more are in the steps table but not on this page."
    agents, shifts = (list(dict.fromkeys(e[k] for e in episodes)) for k in ("agent", "shift"))
    return Replays(
        Markup(text.replace("<", "\\u003c")), [(a, a) for a in agents], [(s, s) for s in shifts], note
    )


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in EPISODE)


def _spread(steps: pd.DataFrame) -> list[pd.DataFrame]:
    """Return episodes, every run and shift once before any comes twice, last checkpoints first."""
    last = steps.groupby("run_id", observed=True)["frames"].max().to_dict()
    seen: dict[tuple[str, str], int] = {}
    ranked = []
    for _, rows in steps.groupby(EPISODE, observed=True, sort=False):
        first = records(rows.head(1))[0]
        who = str(first["run_id"]), str(first["shift"])
        seen[who] = seen.get(who, -1) + 1
        ranked.append(((first["frames"] != last[first["run_id"]], seen[who]), rows))
    return [rows for _, rows in sorted(ranked, key=lambda pair: pair[0])]


def _episode(rows: pd.DataFrame, outcome: dict[str, Any], grids: _Pool, texts: _Pool) -> dict[str, Any]:
    success = bool(outcome["success"])
    steps = [
        [
            grids.add(base64.b64encode(row["grid"]).decode()),
            int(row["agent_x"]),
            int(row["agent_y"]),
            int(row["agent_direction"]),
            texts.add_all(row["sentences"]),
            [round(float(p), 4) for p in row["probabilities"]],
            int(row["action"]),
            texts.add_all(row["action_names"]),
        ]
        for row in records(rows)
    ]
    steps_played = f"{outcome['length']} step{'s' * (outcome['length'] != 1)}"
    return {
        "agent": condition_label(str(outcome["agent"]), str(outcome["model"])),
        "shift": shift_label(str(outcome["shift"])),
        "scene": int(outcome["scene_seed"]),
        "mission": str(outcome["mission"]),
        "success": success,
        "outcome": f"success in {steps_played}" if success else f"failure after {steps_played}",
        "width": int(rows["width"].iloc[0]),
        "steps": steps,
    }
