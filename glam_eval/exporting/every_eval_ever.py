"""A study as records of Every Eval Ever (schema 0.3.0, arXiv 2606.14516): who reached how much, and how sure.

One record an agent with its model, all its seeds together: seeds are the sample. It holds a result for each
condition of each protocol, at the last checkpoint. Beside it, where asked, lie its episodes.
"""

import hashlib
import json
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glam_eval.core.files import sha256_of, write_bytes_atomically
from glam_eval.exporting.episodes_as_samples import samples
from glam_eval.exporting.every_eval_ever_names import COLLECTION, RESULT, SCHEMA_VERSION, result_id
from glam_eval.exporting.model_identity import Identity, identify
from glam_eval.exporting.told import Told, group_of, last_episodes, runs_of
from glam_eval.figures.identity import records
from glam_eval.results import load_results, table_names
from glam_eval.statistics import success_by

_SOURCE = "https://github.com/Farama-Foundation/Minigrid"  # of BabyAI's levels
_TOLD = {
    "told": "its goal told",
    "swapped": "another goal of the scene told in place of its own",
    "absent": "a goal told that the scene does not have",
    "hidden": "no goal told",
}
_INTERVAL = "over seeds, union of Student's t on the logit scale and corrected for skewness (glam-eval)"


def write_records(told: Told, out: Path, with_episodes: bool = False) -> list[Path]:
    """Write the records of a study into a directory, as the public store lays them, and return their files.

    Args:
        told: The study.
        out: A directory, which becomes the store's root: records lie in ``data/``.
        with_episodes: Whether each record's episodes lie beside it, one JSON line each.

    Raises:
        UserError: The study has no runs that finished, or no episodes.
    """
    runs = runs_of(told.directory)
    episodes = last_episodes(told.directory, runs)
    steps = load_results(told.directory, "steps") if "steps" in table_names(told.directory) else None
    written = []
    for (_, _), rows in episodes.groupby(["agent", "model"], observed=True, sort=True):
        own = runs[runs["run_id"].isin(rows["run_id"])].sort_values("seed")
        record = evaluation_record(told, own, rows)
        name = _file_name(record)
        folder = out / "data" / COLLECTION / record["model_info"]["id"]
        if with_episodes:
            replayed = steps[steps["run_id"].isin(own["run_id"])] if steps is not None else None
            lines = b"".join(samples(record, own, rows, replayed))
            file = folder / f"{name}_samples.jsonl"
            write_bytes_atomically(file, lines)
            record["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": file.relative_to(out).as_posix(),
                "hash_algorithm": "sha256",
                "checksum": sha256_of(file),
                "total_rows": len(rows),
            }
        file = folder / f"{name}.json"
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        write_bytes_atomically(file, f"{text}\n".encode())
        written.append(file)
    return written


def evaluation_record(told: Told, runs: pd.DataFrame, episodes: pd.DataFrame) -> dict[str, Any]:
    """Return the record of one agent with its model.

    Args:
        told: The study.
        runs: The agent's runs, one a seed.
        episodes: Their episodes at their last checkpoints.
    """
    first = records(runs)[0]
    identity = identify(first, str(episodes["model"].iloc[0]), told.by)
    hashes = ",".join(sorted(runs["config_hash"].astype(str)))
    digest = hashlib.sha256(f"{told.citation.results} {hashes}".encode()).hexdigest()[:16]
    packages = {str(key): str(value) for key, value in group_of(first["packages"]).items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{told.name}/{identity.id}/{digest}",
        "evaluation_timestamp": max(map(str, runs["finished"])),
        "retrieved_timestamp": str(int(time.time())),
        "source_metadata": _source(told, identity),
        "eval_library": {
            "name": "glam-eval",
            "version": ", ".join(sorted(runs["code_version"].astype(str).unique())),
            "additional_details": packages,
        },
        "model_info": identity.described(),
        "evaluation_results": _results(told, runs, episodes),
    }


def _source(told: Told, identity: Identity) -> dict[str, Any]:
    return {
        "source_name": told.title,
        "source_type": "evaluation_run",
        "source_organization_name": told.by or "unknown",
        "evaluator_relationship": "first_party" if identity.made_here else "third_party",
        "additional_details": {
            "question": told.question,
            "settings_hash": told.citation.settings,
            "results_hash": told.citation.results,
        },
    }


def _results(told: Told, runs: pd.DataFrame, episodes: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a result for each condition of each protocol: success over seeds, with its interval."""
    estimates = success_by(episodes, RESULT)
    groups = dict(tuple(episodes.groupby(list(RESULT), observed=True, sort=True)))
    generation: dict[str, Any] = {"additional_details": {"config": str(runs["config"].iloc[0])}}
    if told.citation.command:
        generation["generation_args"] = {"execution_command": told.citation.command}
    return [
        _result(row, groups[tuple(row[name] for name in RESULT)], runs) | {"generation_config": generation}
        for row in records(estimates)
    ]


def _result(estimate: dict[str, Any], episodes: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Any]:
    goal = str(episodes["goal"].iloc[0]) if "goal" in episodes else "told"
    by_seed = episodes.groupby("seed")["success"].mean()
    played = runs[runs["run_id"].isin(episodes["run_id"])]
    return {
        "evaluation_result_id": result_id(estimate),
        "evaluation_name": f"{COLLECTION}.{estimate['protocol']}.{estimate['shift']}",
        "source_data": {
            "dataset_name": COLLECTION,
            "source_type": "url",
            "url": [_SOURCE],
            "additional_details": {
                "level": estimate["level"],
                "language": estimate["language"],
                "scenes": str(episodes["scene_seed"].nunique()),
            },
        },
        "metric_config": {
            "evaluation_description": (
                f"Share of scenes of {estimate['level']} whose own goal was reached in time, "
                f"{_TOLD.get(goal, goal)}; condition {estimate['shift']!r} of protocol "
                f"{estimate['protocol']!r}; each scene is played once to its end."
            ),
            "metric_id": "glam-eval.success-rate",
            "metric_name": "success rate",
            "metric_kind": "success_rate",
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": float(estimate["mean"]),
            "uncertainty": _uncertainty(estimate, by_seed),
            "details": {
                "seeds": json.dumps([int(seed) for seed in by_seed.index]),
                "success_by_seed": json.dumps([float(value) for value in by_seed]),
                "episodes_per_seed": str(int(estimate["n_episodes"])),
                "frames": json.dumps(sorted({int(frames) for frames in episodes["frames"]})),
                "run_ids": json.dumps([str(run) for run in played["run_id"]]),
                "config_hashes": json.dumps([str(digest) for digest in played["config_hash"]]),
            },
        },
    }


def _uncertainty(estimate: dict[str, Any], by_seed: pd.Series) -> dict[str, Any]:
    """Return how sure a mean over seeds is; of few seeds that is their number alone."""
    told: dict[str, Any] = {"num_samples": len(by_seed)}
    if len(by_seed) > 1:
        spread = float(by_seed.std(ddof=1))
        error = {"value": spread / len(by_seed) ** 0.5, "method": "analytic, over seeds"}
        told |= {"standard_deviation": spread, "standard_error": error}
    if np.isfinite(estimate["low"]):
        told["confidence_interval"] = {
            "lower": float(estimate["low"]),
            "upper": float(estimate["high"]),
            "confidence_level": 0.95,
            "method": _INTERVAL,
        }
    return told


def _file_name(record: dict[str, Any]) -> str:
    """Return a record's UUID (version 4 by form), the same each time that the same results are exported."""
    digest = hashlib.sha256(record["evaluation_id"].encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
