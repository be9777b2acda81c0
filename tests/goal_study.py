"""A study made by hand in which agents read their goal, or ignore it, in rooms of two things."""

import numpy as np
import pandas as pd

ROLES = {  # agent and model: how often the goal is read, and the thing taken by who does not
    ("gflan", "walker"): 0.0,
    ("gflan", "reader"): 1.0,
    ("gflan", "learner"): 0.4,
    ("zero-shot", "walker"): 0.0,
    ("sweep", "none"): 0.0,
    ("random", "none"): -1.0,  # takes nothing in half of the scenes
    ("bot", "none"): 1.0,
}
GOALS = ("none", "none~swapped", "none~absent", "none~hidden")


def goal_study(seeds: int = 5, scenes: int = 150, rng: int = 0, roles=None) -> pd.DataFrame:
    """Return the episodes of a strict level: the first thing taken ends an episode.

    Who ignores the goal takes the thing that is near in the scene, now and then the other one by its draws,
    which are the same whatever is told.
    """
    near = np.random.default_rng([rng, 1]).random(scenes) < 0.5  # the thing meant is the nearer one
    parts = []
    for place, ((agent, model), reading) in enumerate((roles or ROLES).items()):
        for seed in range(seeds):
            draws = np.random.default_rng([rng, 2, place, seed])
            reads, wanders = draws.random(scenes) < reading, draws.random(scenes) < 0.2
            takes = ~((reading < 0) & (draws.random(scenes) < 0.5))
            for goal in GOALS:
                own = np.where(wanders, ~near, near) if goal != "none~absent" or reading < 1 else near & False
                told = {"none": True, "none~swapped": False}.get(goal)
                meant = takes & (own if told is None else np.where(reads, told, own))
                some = takes & ~(reads if goal == "none~absent" else np.zeros(scenes, bool))
                meant = meant & some
                parts.append(_rows(agent, model, seed, goal, meant, some))
    return pd.concat(parts, ignore_index=True)


def _rows(agent, model, seed, goal, meant, some) -> pd.DataFrame:
    learned = agent == "gflan"
    done = {"none": meant, "none~swapped": some & ~meant, "none~absent": meant & False, "none~hidden": meant}
    return pd.DataFrame(
        {
            "run_id": f"{agent}-{model}-{seed}",
            "agent": agent,
            "model": model,
            "seed": seed,
            "frames": 1000 * learned,
            "protocol": "generalization",
            "shift": goal,
            "language": "en",
            "level": "StrictPickupLocalS5N2",
            "task": "pickup",
            "scene_seed": 2**31 + np.arange(len(meant)),
            "mission": "pick up the red ball",
            "success": meant,
            "return": meant * 0.9,
            "length": 8,
            "bot_length": 5,
            "actions": "",
            "goal": goal.partition("~")[2] or "told",
            "success_told": done[goal],
            "first_thing": np.where(some, "red ball", ""),
            "first_told": done[goal],
            "first_meant": meant,
            "first_chance": 0.0 if goal == "none~absent" else 0.5,
            "bot_first_meant": True,
        }
    )
