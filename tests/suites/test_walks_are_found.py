"""The old set-up, in a room where a walk comes by everything, is called a walk by the study itself."""

import re

import pytest
from program import glam_eval

SUITE = """
extends = "_cpu"
title = "A walk"
question = "Does a small agent that learns for a moment in a small room read its goal?"
frames = 2560
evaluations = 1
agents = [
  { agent = "gflan", model = "t5-pico-scratch" },
  { agent = "sweep" },
  { agent = "random" },
  { agent = "bot" },
]
[[protocols]]
name = "generalization"
scenes = 150
conditions = ["none", "@controls"]
"""


@pytest.mark.slow
def test_agents_that_walk_are_called_so_first_of_all(tmp_path):
    suite, out = tmp_path / "walk.toml", tmp_path / "out"
    suite.write_text(SUITE)
    done = glam_eval("run-suite", suite, "--out", out, "--workers", 2, timeout=1800)
    assert done.returncode == 0, done.stderr
    last = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(
        r"reading  GFlan-T5 t5-pico-scratch walks: another goal told, it does that in .+", last
    )
    page = (out / "report.html").read_text(encoding="utf-8")
    first = page[page.index('<ul class="findings">') :].partition("</li>")[0]
    assert "GFlan-T5 t5-pico-scratch <b>walks</b>, whatever it is told" in first
    assert "sweep, which never knows the goal, reaches" in first
