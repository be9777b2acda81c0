"""A trained language model as a plain directory of transformers' or peft's, with a card."""

import fnmatch
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult, ModelCardData
from scipy.stats import binomtest

from glam_eval.config.agents import describe_agent
from glam_eval.config.worlds import MARK
from glam_eval.core.errors import UserError, unknown
from glam_eval.core.files import write_text_atomically
from glam_eval.exporting.cards import filled
from glam_eval.exporting.told import Told, group_of, last_episodes, runs_of
from glam_eval.figures.identity import condition_label, records
from glam_eval.figures.style import interval_text
from glam_eval.statistics import success_by
from glam_eval.training.checkpoints import CheckpointStore

CARD_FILE = "README.md"
ADAPTERS_FILE, CONFIG_FILE = "adapter_config.json", "config.json"
_TAKEN = (  # of a checkpoint; the rest is for going on with training
    "adapter_*", "config.json", "generation_config.json", "model*.safetensors*", "tokenizer*", "vocab*",
    "special_tokens_map.json", "added_tokens.json", "merges.txt", "spiece.model", "chat_template*",
    "heads.safetensors",
)  # fmt: skip
_TAGS = ["grounding", "reinforcement-learning", "babyai", "glam-eval"]
_PLAYED = ["protocol", "shift", "language", "level"]


@dataclass(frozen=True)
class Played:
    """What came of one condition: of this model alone, and of all seeds that were trained as it was."""

    protocol: str
    condition: str
    language: str
    level: str
    goal: str
    success: float
    scenes: int
    alone: str
    seeds: int
    together: str


def write_model(told: Told, run_id: str, out: Path, base: str = "") -> Path:
    """Write the last checkpoint of a run as a model that ``transformers`` or ``peft`` loads, with its card.

    Args:
        told: The study.
        run_id: The run.
        out: Directory to write into.
        base: What others call the model that it was trained from; empty for the name that the run has.

    Returns:
        The checkpoint.

    Raises:
        UserError: There is no such run, it left no language model, or its adapters are for a model of a
            directory that others don't have.
    """
    runs = runs_of(told.directory)
    if run_id not in set(runs["run_id"]):
        raise unknown("run", run_id, map(str, runs["run_id"]))
    if Path(run_id).name != run_id:
        raise UserError(f"run {run_id!r} is no name of a run: it leads out of {told.directory}")
    row = records(runs[runs["run_id"] == run_id])[0]
    checkpoint = CheckpointStore(told.directory / "checkpoints" / run_id).latest()
    if checkpoint is None:
        raise UserError(f"{told.directory} holds no checkpoint of {run_id}: export where it was trained")
    source = checkpoint.directory
    adapters = (source / ADAPTERS_FILE).exists() and not (source / CONFIG_FILE).exists()
    if not adapters and not (source / CONFIG_FILE).exists():
        raise UserError(f"run {run_id} left no language model: choose a run that trained one")
    base = _base(row, base, adapters)
    for file in sorted(source.iterdir()):
        if any(fnmatch.fnmatch(file.name, pattern) for pattern in _TAKEN):
            shutil.copyfile(file, out / file.name)
    if adapters:
        values = json.loads((source / ADAPTERS_FILE).read_text("utf-8")) | {"base_model_name_or_path": base}
        write_text_atomically(out / ADAPTERS_FILE, json.dumps(values, indent=2, sort_keys=True) + "\n")
    write_text_atomically(out / CARD_FILE, _card(told, row, runs, base, out, checkpoint.frames))
    return source


def played(told: Told, runs: pd.DataFrame, run_id: str) -> list[Played]:
    """Return what a run's last checkpoint came to in every condition, and all seeds of its kind."""
    episodes = last_episodes(told.directory, runs)
    own = episodes[episodes["run_id"] == run_id]
    if own.empty:
        return []
    kind = episodes[(episodes["agent"] == own["agent"].iloc[0]) & (episodes["model"] == own["model"].iloc[0])]
    together = {tuple(row[name] for name in _PLAYED): row for row in records(success_by(kind, _PLAYED))}
    found = []
    for key, rows in own.groupby(_PLAYED, observed=True, sort=True):
        protocol, condition, language, level = map(str, key)
        wins, scenes = int(rows["success"].sum()), len(rows)
        ends = binomtest(wins, scenes).proportion_ci(method="wilson")
        all_seeds = together[protocol, condition, language, level]
        found.append(
            Played(
                protocol=protocol,
                condition=condition,
                language=language,
                level=level,
                goal=str(rows["goal"].iloc[0]) if "goal" in rows else "told",
                success=wins / scenes,
                scenes=scenes,
                alone=interval_text(wins / scenes, ends.low, ends.high),
                seeds=int(all_seeds["n_seeds"]),
                together=interval_text(all_seeds["mean"], all_seeds["low"], all_seeds["high"]),
            )
        )
    return found


def _base(run: dict[str, Any], base: str, needed: bool) -> str:
    """Return what others call the model that a run began with; empty if they can't have it."""
    content = group_of(run["config"]).get("content")
    local = content is not None or str(run["model"]).startswith(("/", ".", "~"))
    if base or not local:
        return base or str(run["model"])
    if needed:
        raise UserError(
            f"the adapters are for a model of a directory, {run['model']!r}: give --base, its name on a hub"
        )
    return ""


def _card(told: Told, run: dict[str, Any], runs: pd.DataFrame, base: str, out: Path, frames: int) -> str:
    """Return the card: the hub's metadata, then what was trained, how, and what it came to."""
    conditions = played(told, runs, str(run["run_id"]))
    adapters = (out / ADAPTERS_FILE).exists()
    name = condition_label(str(run["agent"]), str(run["model"]))
    results = [
        EvalResult(
            task_type="reinforcement-learning",
            dataset_type=_world(each.level).lower(),
            dataset_name=f"{_world(each.level)} {each.level}",
            dataset_config=f"{each.protocol}/{each.condition}/{each.language}",
            metric_type="success_rate",
            metric_value=each.success,
        )
        for each in conditions
    ]
    metadata = ModelCardData(
        base_model=base if "/" in base else None,
        library_name="peft" if adapters else "transformers",
        license=told.licence or "unknown",
        tags=_TAGS,
        model_name=name,
        eval_results=results or None,
    )
    return filled(
        "model.md.jinja",
        metadata=metadata.to_yaml(),
        told=told,
        run=run,
        world=group_of(group_of(run["config"]), "environment"),
        name=name,
        base=base,
        adapters=adapters,
        cloned=describe_agent(str(run["agent"])).learner == "cloning",
        where=_world(str(run["level"])),
        decoder_only=_is_decoder_only(out, adapters),
        heads=(out / "heads.safetensors").exists(),
        frames=frames,
        conditions=conditions,
    )


def _world(level: str) -> str:
    """Return what a level is of: another package's world, or BabyAI-Text."""
    name, mark, _ = level.partition(MARK)
    return name if mark else "BabyAI-Text"


def _is_decoder_only(directory: Path, adapters: bool) -> bool:
    """Whether a model is loaded by transformers' class for causal language models."""
    file = directory / (ADAPTERS_FILE if adapters else CONFIG_FILE)
    values = json.loads(file.read_text("utf-8"))
    return values.get("task_type") == "CAUSAL_LM" if adapters else not values.get("is_encoder_decoder")
