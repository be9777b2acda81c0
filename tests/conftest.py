"""A study small enough to run many times."""

import signal
from pathlib import Path

import pytest
import torch

from glam_eval.config.run import RunConfig

torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start background jobs with it ignored

TINY_SUITE = """
title = "A tiny study"
question = "Does everything fit together?"
seeds = 2
frames = 240
evaluations = 3

[environment]
level = "GoToLocalS5N2"
remembered = 1

[policy]
head_hidden = 8

[ppo]
preset = "small"
environments = 8
steps = 10
minibatch = 40

[[agents]]
agent = "gflan"
model = "t5-pico"

[[agents]]
agent = "random"

[[agents]]
agent = "bot"

[[protocols]]
name = "sample-efficiency"
scenes = 6

[[protocols]]
name = "generalization"
scenes = 8
replays = 1
conditions = ["none", "invented_nouns", "none@fr"]
"""


@pytest.fixture
def tiny_suite(tmp_path: Path) -> Path:
    """A suite of 6 short runs, as a TOML file."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY_SUITE)
    return path


def tiny_run(**values) -> RunConfig:
    """A run of the language policy on the easiest level."""
    defaults = {
        "agent": "gflan",
        "model": "t5-pico",
        "frames": 240,
        "evaluations": 3,
        "environment": {"level": "GoToLocalS5N2", "remembered": 1},
        "policy": {"head_hidden": 8},
        "ppo": {"preset": "small", "environments": 8, "steps": 10, "minibatch": 40},
    }
    return RunConfig.parse({**defaults, **values}, "test")


@pytest.fixture(name="tiny_run", scope="session")
def _tiny_run():
    return tiny_run


LEARNERS = {
    "gflan": {},
    "aflan": {},
    "npe": {},
    "npa": {},
    "npae": {},
    "drrn": {
        "model": "none",
        "q_learning": {"environments": 4, "steps": 20, "batch": 8, "replay": 150},
    },
    "symbolic-ppo": {
        "model": "none",
        "ppo": {"environments": 8, "steps": 10, "recurrence": 5, "minibatch": 40, "epochs": 1},
    },
    "bc-bot": {"cloning": {"environments": 4, "minibatch": 8, "steps": 10, "transitions": 100}},
    "bc-gflan": {
        "cloning": {"environments": 4, "minibatch": 8, "steps": 10, "transitions": 100, "source": "gflan"}
    },
}


@pytest.fixture(params=list(LEARNERS))
def tiny_learner(request):
    """A run of each kind of learner: three updates of 80 frames."""

    def build(**values) -> RunConfig:
        return tiny_run(agent=request.param, **{**LEARNERS[request.param], **values})

    return build
