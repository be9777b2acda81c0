"""Which tests answer one question, and are therefore adjusted together.

Two agents are compared when they were trained on one level in one language: what a level makes of an agent
is another question. An agent's conditions are five questions: other words, other languages, other prompts,
other tasks and rooms, and another goal told than the scene's own.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from glam_eval.config.protocols import condition_sets, split_condition
from glam_eval.statistics.names import condition_name

WORDS, LANGUAGES, PROMPTS = "words", "languages", "prompts"
WORLDS, GOALS = "tasks and rooms", "the goal told"
SETTING = ["level", "language"]  # of training: what agents share that are compared


def question_of(shift: str) -> str:
    """Return what a condition asks: other words, languages, prompts, tasks and rooms, or other goals."""
    words, template, goal = split_condition(shift)
    if goal:
        return GOALS
    if template:
        return PROMPTS
    if "@" in words:
        return LANGUAGES
    return WORLDS if shift in _worlds() else WORDS


@dataclass(frozen=True, slots=True)
class Training:
    """What a condition was trained in, and whether at all (random, the bot and zero-shot are not)."""

    where: str = ""
    learned: bool = True


def training_of(
    episodes: pd.DataFrame, runs: pd.DataFrame | None = None, reference: str = "none"
) -> dict[str, Training]:
    """Return by name the training of each condition: its level, and its language if there are several.

    Taken from the runs table; without one, from the episodes without a shift. ``episodes`` name variants
    apart.
    """
    who = ["run_id", "agent", "model"]
    names = episodes.groupby(who, observed=True)["frames"].max().reset_index().astype(dict.fromkeys(who, str))
    names = names.assign(name=_names(names))
    frames = names.groupby("name")["frames"].max().to_dict()
    where: dict[str, str] = {}
    if runs is not None and {"run_id", *SETTING} <= set(runs):
        where = _told(
            names.drop_duplicates("run_id").merge(runs[["run_id", *SETTING]].astype(str), on="run_id")
        )
    elif set(SETTING) <= set(episodes):
        known = episodes.loc[episodes["shift"] == reference, [*who[1:], *SETTING]].drop_duplicates()
        where = _told(known.astype(str).assign(name=_names(known.astype(str))))
    return {str(name): Training(where.get(str(name), ""), steps > 0) for name, steps in frames.items()}


def pairs_question(a: Training, b: Training) -> str | None:
    """Return what comparing two agents asks; None where it asks nothing, as across training levels."""
    if a.where != b.where:
        return None
    kinds = {(True, True): "trained agents", (False, False): "untrained agents"}
    kind = kinds.get((a.learned, b.learned), "trained against untrained agents")
    return f"{kind} on {a.where}" if a.where else kind


def _names(who: pd.DataFrame) -> list[str]:
    return [condition_name(agent, model) for agent, model in zip(who["agent"], who["model"], strict=True)]


def _told(rows: pd.DataFrame) -> dict[str, str]:
    if rows.empty:  # no episodes without a shift: nothing tells where agents were trained
        return {}
    told = [name for name in SETTING if name == "level" or rows[name].nunique() > 1]
    texts = rows[told].agg(" in ".join, axis=1)
    return dict(zip(rows["name"], texts, strict=True))


def _worlds() -> set[str]:
    """Return the names of the conditions that change the level or its options."""
    every: list[Any] = [each for members in condition_sets().values() for each in members]
    return {each["name"] for each in every if isinstance(each, dict) and {"level", "options"} & set(each)}
