"""What is printed of a study: each agent once, those of several worlds told apart."""

import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from glam_eval.cli.tables import present_matrices
from glam_eval.report.matrices import agent_label, matrices
from glam_eval.statistics import compare
from glam_eval.suites.summary import findings

LEVELS = ("GoToLocal", "GoToLocalS5N2")
NAMES = {*(f"gflan/t5-nano [level={level}]" for level in LEVELS), "npe/t5-nano"}


@pytest.fixture(scope="module")
def comparisons():
    """Of gflan trained on two levels, which succeeds always on one and never on the other, and of npe."""
    runs = pd.DataFrame(
        [
            {
                "run_id": f"{agent}-{level}-{seed}",
                "agent": agent,
                "model": "t5-nano",
                "seed": seed,
                "config": json.dumps({"seed": seed, "environment": {"level": level}}),
            }
            for agent, level in (("gflan", LEVELS[0]), ("gflan", LEVELS[1]), ("npe", LEVELS[0]))
            for seed in range(3)
        ]
    )
    scenes = pd.DataFrame({"scene_seed": range(10), "frames": 0, "protocol": "generalization"})
    episodes = runs.drop(columns="config").merge(scenes.assign(shift="none"), how="cross")
    episodes["success"] = episodes["run_id"].str.contains(LEVELS[1])
    return compare(episodes, np.random.default_rng(0), runs=runs)


def printed(show, comparisons):
    console = Console(file=io.StringIO(), width=240)
    show(comparisons, console)
    return console.file.getvalue().splitlines()


def test_an_agent_of_several_worlds_is_listed_once_for_each(comparisons):
    lines = printed(findings, comparisons)
    assert Counter(name for line in lines for name in NAMES if line.startswith(f"{name} ")) == Counter(NAMES)
    estimates = {line.split("]")[0][-5:]: line.split("]")[1].split()[0] for line in lines if "[" in line}
    assert estimates == {"Local": "0", "lS5N2": "100"}


def test_comparisons_are_printed_with_the_worlds_names(comparisons):
    def show(table, console):
        present_matrices(matrices(table), "", None, None, console)

    text = "\n".join(printed(show, comparisons))
    assert all(agent_label(name) in text for name in NAMES)
    assert agent_label("gflan/t5-nano [level=GoToLocal]") == "GFlan-T5 t5-nano [level=GoToLocal]"
