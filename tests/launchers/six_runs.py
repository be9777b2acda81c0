"""A suite of six runs in two chains: a teacher, its demonstrations and its clone, of two seeds."""

from tiny_suite import TINY_LEARNING

SIX_RUNS = (
    """
title = "Six runs"
question = "Is it the same everywhere?"
seeds = 2
evaluations = 10
"""
    + TINY_LEARNING
    + """
[cloning]
minibatch = 8
steps = 10
environments = 4
transitions = 200

[[agents]]
agent = "gflan"
model = "t5-pico"
frames = {frames}

[[agents]]
agent = "bc-gflan"
model = "t5-pico"
frames = 800

[[protocols]]
name = "sample-efficiency"
scenes = 6

[[protocols]]
name = "generalization"
scenes = 8
conditions = ["none", "none@fr"]
"""
)


def checkpointed(out, run_id):
    """The frames of a run's newest checkpoint; one comes at each tenth of its training."""
    found = (out / "checkpoints" / run_id).glob("frames-*")
    return max((int(each.name.removeprefix("frames-")) for each in found), default=0)
