"""Which tests answer one question, and are therefore adjusted together.

Two agents are compared when they were trained on one level in one language: what a level makes of an agent
is another question. An agent's conditions are three questions: other words, other languages, other tasks
and rooms.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from glam_eval.config.protocols import condition_sets
from glam_eval.statistics.names import condition_name

WORDS, LANGUAGES, WORLDS = "words", "languages", "tasks and rooms"
SETTING = ["level", "language"]  # of training: what agents share that are compared


def question_of(shift: str) -> str:
    """Return what a condition asks: other words, another language, or other tasks and rooms."""
    if "@" in shift:
        return LANGUAGES
    return WORLDS if shift in _worlds() else WORDS


def trained_in(episodes: pd.DataFrame, runs: pd.DataFrame | None, reference: str) -> Mapping[str, str]:
    """Return by name the level (and the language, if there are several) that each condition was trained in.

    Taken from the runs table; without one, from the episodes without a shift. ``episodes`` name variants
    apart.
    """
    if runs is not None and {"run_id", *SETTING} <= set(runs):
        known = episodes[["run_id", "agent", "model"]].astype(str).drop_duplicates()
        rows = known.merge(runs[["run_id", *SETTING]].astype(str), on="run_id")
    elif set(SETTING) <= set(episodes):
        unshifted = episodes[episodes["shift"] == reference]
        rows = unshifted[["agent", "model", *SETTING]].astype(str).drop_duplicates()
    else:
        return {}
    told = [name for name in SETTING if name == "level" or rows[name].nunique() > 1]
    settings: dict[str, str] = {}
    for row in rows.to_dict("records"):
        settings[condition_name(row["agent"], row["model"])] = " in ".join(row[name] for name in told)
    return settings


def _worlds() -> set[str]:
    """Return the names of the conditions that change the level or its options."""
    every: list[Any] = [each for members in condition_sets().values() for each in members]
    return {each["name"] for each in every if isinstance(each, dict) and {"level", "options"} & set(each)}
