"""A plausible study made up from a seeded generator: every table, no training."""

import json
from functools import cache

import numpy as np
import pandas as pd

CONDITIONS = [
    ("gflan", "t5-nano", 260_000),
    ("random", "none", 0),
    ("bot", "none", 0),
    ("gflan", "t5-pico", 45_000),
    ("zero-shot", "t5-nano", 260_000),
    ("zero-shot", "t5-pico", 45_000),
    ("aflan", "t5-nano", 270_000),
    ("npe", "t5-nano", 260_000),
    ("npa", "t5-nano", 270_000),
    ("npae", "t5-nano", 270_000),
    ("bc-bot", "t5-nano", 260_000),
    ("drrn", "none", 1_200_000),
]
SKILL = [0.92, 0.12, 1.0, 0.75, 0.1, 0.08, 0.7, 0.62, 0.5, 0.55, 0.8, 0.45]
SHIFTS = {
    "none": 0.0,
    "invented_nouns": 0.2,
    "synonym_colors": 0.08,
    "synonym_actions": 0.35,
    "new_composition": 0.55,
    "none@fr": 0.5,
}
LEARNERS = {"gflan", "aflan", "npe", "npa", "npae", "bc-bot", "drrn"}
ACTIONS = ["turn left", "turn right", "go forward", "pick up", "drop", "toggle"]
POINTS = [0, 10_000, 20_000, 30_000, 40_000, 51_200]

Tables = dict[str, pd.DataFrame]


@cache
def make_study(conditions: int = 6, seeds: int = 5, scenes: int = 30, sweeps: bool = False) -> Tables:
    """Return the tables of a study with the first ``conditions`` of twelve."""
    rng = np.random.default_rng(7)
    tables: dict[str, list[dict]] = {name: [] for name in ("runs", "training", "episodes", "probes", "steps")}
    environments = [{}]
    if sweeps:
        environments += [{"remembered": 3}, {"actions": "restricted"}, {"actions": "augmented"}]
        environments += [{"level": "GoToLocalS5N4"}, {"language": "fr"}]
    for (agent, model, parameters), skill in list(zip(CONDITIONS, SKILL, strict=True))[:conditions]:
        for change in environments if agent in LEARNERS else environments[:1]:
            for seed in range(seeds):
                run = _run(agent, model, parameters, seed, change)
                _play(tables, run, skill - 0.08 * bool(change) + rng.normal(0, 0.04), scenes, rng)
    return {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}


def _run(agent: str, model: str, parameters: int, seed: int, change: dict) -> dict:
    environment = {
        "level": "GoToLocalS5N2",
        "language": "en",
        "shift": "none",
        "actions": "canonical",
        "template": "paper",
        "remembered": 1,
        **change,
    }
    config = {"agent": agent, "model": model, "seed": seed, "environment": environment, "ppo": {"clip": 0.2}}
    frames = POINTS[-1] if agent in LEARNERS else 0
    tag = "-".join(f"{v}" for v in change.values())
    return {
        "run_id": f"{agent}-{model}-s{seed}-{tag}",
        "suite": "quick",
        "agent": agent,
        "model": model,
        "parameters": parameters,
        "level": environment["level"],
        "language": environment["language"],
        "seed": seed,
        "frames": frames,
        "config": json.dumps(config),
        "config_hash": f"{seed:016x}",
        "code_version": "0.1.0 (adc670f)",
        "packages": json.dumps({"torch": "2.13.0", "numpy": "2.4.0"}),
        "machine": json.dumps({"processor": "x86_64", "cores": 2}),
        "device": "cpu",
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:05:00Z",
        "seconds": 120.0 + parameters / 2_000 + 3 * seed,
        "status": "finished",
    }


def _play(
    tables: dict[str, list[dict]], run: dict, skill: float, scenes: int, rng: np.random.Generator
) -> None:
    tables["runs"].append(run)
    learner = run["agent"] in LEARNERS
    for update, frames in enumerate(POINTS if learner else [0]):
        grown = skill / (1 + np.exp(-(frames - 22_000) / 6_000)) if learner else skill
        _episodes(tables, run, frames, "sample-efficiency", "none", grown, scenes, rng)
        _probes(tables, run, frames, grown, rng)
        if frames:
            tables["training"].append(_update(run, update, frames, grown, rng))
    for shift, drop in SHIFTS.items():
        _episodes(
            tables, run, run["frames"], "generalization", shift, skill - drop * (skill > 0.3), scenes, rng
        )
    if run["seed"] == 0:
        for index, shift in enumerate(SHIFTS):
            tables["steps"] += _replay(tables["episodes"], run, shift, index, rng)


def _episodes(tables, run, frames, protocol, shift, rate, scenes, rng) -> None:
    base = {key: run[key] for key in ("run_id", "agent", "model", "seed")}
    for scene in range(scenes):
        success = bool(rng.random() < rate)
        length = int(rng.integers(3, 20)) if success else 64
        wrong = not success and bool(rng.random() < 0.4)
        tables["episodes"].append(
            {
                **base,
                "frames": frames,
                "protocol": protocol,
                "shift": shift,
                "language": shift.split("@")[1] if "@" in shift else run["language"],
                "level": run["level"],
                "task": "pickup" if shift == "new_composition" else ("goto", "pickup")[scene % 2],
                "scene_seed": 2**31 + scene,
                "mission": "go to the red ball",
                "success": success,
                "return": 1 - 0.9 * length / 64 if success else 0.0,
                "length": length,
                "bot_length": 4 + scene % 5,
                "actions": "0120" * (length // 4) + "2" * (length % 4),
                "steps_blocked": int(rng.integers(0, length)),
                "cells_visited": int(rng.integers(1, 9)),
                "wrong_object": wrong,
                "wrong_order": False,
            }
        )


def _probes(tables, run, frames, grown, rng) -> None:
    base = {key: run[key] for key in ("run_id", "agent", "model", "seed")}
    for probe, expected in (("go_to_ahead", 2), ("go_to_left", 0), ("pick_up", 3), ("open_door", 5)):
        scores = rng.normal(0, 0.2, 6)
        scores[expected] += 4 * grown
        shares = np.exp(scores) / np.exp(scores).sum()
        for action, probability in zip(ACTIONS, shares, strict=True):
            tables["probes"].append(
                {
                    **base,
                    "frames": frames,
                    "probe": probe,
                    "action": action,
                    "expected": action == ACTIONS[expected],
                    "probability": float(probability),
                }
            )


def _update(run, update, frames, grown, rng) -> dict:
    numbers = {
        name: float(rng.random())
        for name in (
            "return_mean",
            "length_mean",
            "policy_loss",
            "value_loss",
            "entropy",
            "approx_kl",
            "clip_fraction",
            "explained_variance",
            "grad_norm",
            "learning_rate",
            "seconds_environment",
            "seconds_policy",
            "seconds_update",
            "seconds_tokenizing",
        )
    }
    base = {key: run[key] for key in ("run_id", "agent", "model", "seed")}
    return {
        **base,
        "update": update,
        "frames": frames,
        "episodes": frames // 30,
        "success_rate": grown,
        "seconds": 10.0,
        **numbers,
    }


def _replay(episodes: list[dict], run: dict, shift: str, index: int, rng: np.random.Generator) -> list[dict]:
    """Return the steps of one stored episode of a shift: an agent wandering in a 5x5 room."""
    found = [
        e
        for e in episodes
        if e["run_id"] == run["run_id"] and e["protocol"] == "generalization" and e["shift"] == shift
    ]
    episode = found[index]
    grid = np.zeros((5, 5, 3), dtype=np.uint8)
    grid[..., 0] = 1
    grid[[0, -1]] = grid[:, [0, -1]] = (2, 5, 0)
    grid[3, 1], grid[1, 2] = (6, 0, 0), (5, 2, 0)
    grid[2, 0] = (4, 1, int(rng.integers(0, 3)))
    steps = []
    x, y, direction = 2, 3, 3
    for step in range(min(episode["length"], 12)):
        shares = rng.dirichlet(np.ones(6))
        steps.append(
            {
                "run_id": run["run_id"],
                "frames": episode["frames"],
                "protocol": "generalization",
                "shift": shift,
                "scene_seed": episode["scene_seed"],
                "step": step,
                "grid": grid.tobytes(),
                "width": 5,
                "agent_x": x,
                "agent_y": y,
                "agent_direction": direction,
                "sentences": [
                    "You see a wall 2 steps forward",
                    "You see a red ball 1 step right and 2 steps forward",
                ],
                "action_names": ACTIONS,
                "probabilities": [float(p) for p in shares],
                "action": int(shares.argmax()),
            }
        )
        direction = (direction + 1) % 4
        x, y = 1 + (x + step) % 3, 1 + (y + step) % 3
    return steps
