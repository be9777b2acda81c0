"""A suite of 6 short runs, as TOML, and what any suite of tests takes to learn in seconds."""

TINY_LEARNING = """
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
"""

TINY_SUITE = (
    """
title = "A tiny study"
question = "Does everything fit together?"
seeds = 2
frames = 240
evaluations = 3
"""
    + TINY_LEARNING
    + """
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
)
