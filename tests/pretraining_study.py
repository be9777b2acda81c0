"""A study made by hand of agents from pretrainings that lack something."""

import numpy as np
import pandas as pd

POINTS = (0, 100, 200)


def pretraining_study(rng=0, worth=None, luck=0.15, pretrainings=3, trainings=3, scenes=60):
    """Agents from arms that lack something worth so much success, each pretraining with its luck."""
    generator = np.random.default_rng(rng)
    easy = generator.normal(0, 0.1, scenes)
    parts = []
    for arm, lost in (worth or {"": 0.0, "-without-words": 0.0, "-without-reading": 0.35}).items():
        for pretraining in range(pretrainings):
            model = f"t5-nano{arm}" + (f"-seed{pretraining}" if pretraining else "")
            level = 0.75 - lost + luck * generator.normal()
            for seed in range(trainings):
                own = level + 0.05 * generator.normal()
                for frames in POINTS:
                    played = [("sample-efficiency", "none")]
                    played += [
                        ("generalization", shift) for shift in ("none", "none@fr") if frames == POINTS[-1]
                    ]
                    for protocol, shift in played:
                        chance = own * frames / POINTS[-1] + easy - 0.3 * (shift != "none")
                        parts.append(
                            pd.DataFrame(
                                {
                                    "run_id": f"{model}{seed}", "agent": "gflan", "model": model,
                                    "seed": seed, "frames": frames, "protocol": protocol, "shift": shift,
                                    "scene_seed": np.arange(scenes),
                                    "success": generator.random(scenes) < chance,
                                }
                            )
                        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
