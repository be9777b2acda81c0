"""Telling apart runs of one agent and model that were configured differently."""

import json
import re
from collections.abc import Collection, Mapping

import pandas as pd

from glam_eval.config.conversation import NOT_OF_ANSWERS
from glam_eval.config.settings import flatten
from glam_eval.core.errors import UserError
from glam_eval.statistics.cells import require_columns

_NO_CONDITION = frozenset({"seed", "agent", "model", *(f"conversation.{key}" for key in NOT_OF_ANSWERS)})


def name_variants(frame: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the settings that differ appended to ``model`` where an agent has several.

    Runs of one agent and model whose configurations differ in more than the seed are different conditions:
    model ``t5-nano`` becomes for instance ``t5-nano [actions=restricted]``. A group that some of them have
    and others lack is on or off (``lora=off``), and what is in it is named where those that have it differ.
    A directory is called by the last parts of its path. ``frame`` is any table with run_id and model,
    ``runs`` the runs table. Raises ``UserError`` for a configuration that is not JSON.
    """
    require_columns(runs, ["run_id", "agent", "model", "config"], "runs")
    suffixes: dict[str, str] = {}
    for _, group in runs.groupby(["agent", "model"], observed=True):
        settings = {
            str(r): _settings(str(r), c) for r, c in zip(group["run_id"], group["config"], strict=True)
        }
        for run_id, differing in _differing(settings).items():
            named = ", ".join(f"{key.rsplit('.', 1)[-1]}={value}" for key, value in differing.items())
            suffixes[run_id] = f" [{named}]" if named else ""
    endings = frame["run_id"].astype(str).map(suffixes).fillna("")
    names = short_names({str(model) for model in runs["model"].unique()})
    if not endings.any() and not names:
        return frame
    return frame.assign(model=frame["model"].astype(str).replace(names) + endings)


def short_names(models: Collection[str]) -> dict[str, str]:
    """Return for each model that is a directory the last parts of its path that tell it from all others."""
    short = {}
    for model in models:
        parts = model.strip("/").split("/")
        if not model.startswith(("/", ".", "~")) and len(parts) <= 2:  # a name, or a hub's owner/name
            continue
        endings = ["/".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        others = {f"/{other.strip('/')}" for other in models if other != model}
        alone = (each for each in endings if not any(other.endswith(f"/{each}") for other in others))
        short[model] = next(alone, model)
    return short


def failed_runs(runs: pd.DataFrame) -> set[str]:
    """Return the run_id of the runs that failed; none where the table does not say."""
    return set(runs.loc[runs["status"] == "failed", "run_id"]) if "status" in runs else set()


def _differing(settings: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Return of each run what tells it from the others: settings, and groups that not all of them have."""
    keys = sorted({key for values in settings.values() for key in values})
    groups = {key[: dot.start()] for key in keys for dot in re.finditer(r"\.", key)}
    having = {
        group: {
            run_id
            for run_id, values in settings.items()
            if any(key.startswith(f"{group}.") for key in values)
        }
        for group in sorted(groups)
    }
    optional = {group: runs for group, runs in having.items() if len(runs) < len(settings)}
    named: dict[str, dict[str, str]] = {run_id: {} for run_id in settings}
    for key in sorted({*keys, *optional}):
        if key in optional:
            values = {run_id: "on" if run_id in optional[key] else "off" for run_id in settings}
        else:
            inside = [runs for group, runs in optional.items() if key.startswith(f"{group}.")]
            runs = set(settings).intersection(*inside)
            values = {run_id: settings[run_id].get(key, "unset") for run_id in runs}
        if len(set(values.values())) > 1:
            for run_id, value in values.items():
                named[run_id][key] = value
    return named


def _settings(run_id: str, config: str) -> dict[str, str]:
    """Return a configuration as dotted keys, without what never makes another condition."""
    try:
        settings = json.loads(config)
    except ValueError as error:
        raise UserError(f"run {run_id!r}: its configuration is not JSON ({error})") from error
    if not isinstance(settings, dict):
        raise UserError(f"run {run_id!r}: its configuration is no group of settings, but {config[:40]}")
    flat = flatten(settings)
    return {key: str(value) for key, value in flat.items() if key not in _NO_CONDITION}
