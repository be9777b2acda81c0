from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

AGENTS = (
    ("gflan", "t5-nano", 2.0),
    ("gflan", "t5-pico", 1.0),
    ("random", "none", -2.0),
    ("bot", "none", 9.0),
)
SHIFTS = {"none": 0.0, "invented_nouns": -0.3, "none@fr": -3.0}


def make_study(
    *,
    seeds: int = 5,
    scenes: int = 100,
    agents: Sequence[tuple[str, str, float]] = AGENTS,
    shifts: dict[str, float] = SHIFTS,
    points: int = 4,
    seed_spread: float = 0.2,
    scene_spread: float = 0.5,
    rng: int = 0,
) -> pd.DataFrame:
    """A plausible study: logits of agent, seed, shift and scene; curves that rise to the last checkpoint."""
    generator = np.random.default_rng(rng)
    difficulty = scene_spread * generator.normal(size=scenes)
    parts = []
    for agent, model, ability in agents:
        learns = agent == "gflan"
        for seed in range(seeds):
            skill = ability + seed_spread * generator.normal()
            last = 100_000 if learns else 0
            played = [("generalization", shift, last, change * learns) for shift, change in shifts.items()]
            frames = range(0, last + 1, last // points) if learns else [0]
            played += [("sample-efficiency", "none", f, -4 * (1 - f / last) if last else 0) for f in frames]
            for protocol, shift, at, change in played:
                success = generator.random(scenes) < expit(skill + change + difficulty)
                parts.append(
                    pd.DataFrame(
                        {
                            "run_id": f"{agent}-{model}-{seed}",
                            "agent": agent,
                            "model": model,
                            "seed": seed,
                            "frames": at,
                            "protocol": protocol,
                            "shift": shift,
                            "scene_seed": np.arange(scenes) + 2**31,
                            "success": success,
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)


def table_of(values: np.ndarray, **columns: object) -> pd.DataFrame:
    """Episodes of one condition from an array (seeds, scenes)."""
    seeds, scenes = np.indices(values.shape)
    base = {"agent": "a", "model": "m", "frames": 0, "protocol": "generalization", "shift": "none", **columns}
    frame = pd.DataFrame({"seed": seeds.ravel(), "scene_seed": scenes.ravel(), "success": values.ravel()})
    run_ids = [f"{base['agent']}-{base['model']}-{s}" for s in frame["seed"]]
    return frame.assign(**base, run_id=run_ids)


@pytest.fixture(scope="session")
def study() -> pd.DataFrame:
    return make_study()


@pytest.fixture
def studies() -> Callable[..., pd.DataFrame]:
    return make_study


@pytest.fixture
def episodes_of() -> Callable[..., pd.DataFrame]:
    return table_of


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(3)
