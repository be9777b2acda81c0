"""A study as files, made up; and one small study whose agent really trained adapters."""

import pytest
from filelock import FileLock
from program import answer
from report_files import written
from synthetic_study import make_study
from tiny_suite import TINY_LEARNING

ADAPTED = (
    """
title = "Adapters <b>& tags</b>"
question = "Does a trained adapter leave the house whole?"
seeds = 1
frames = 80
evaluations = 1
"""
    + TINY_LEARNING
    + """
[[agents]]
agent = "gflan"
model = "t5-pico"
policy.lora = {rank = 2}

[[agents]]
agent = "random"

[[protocols]]
name = "generalization"
scenes = 5
replays = 1
conditions = ["none", "none~swapped"]
"""
)


@pytest.fixture(scope="session")
def tables():
    return make_study(conditions=4, scenes=6)


@pytest.fixture(scope="session")
def made_up(tmp_path_factory, tables):
    return written(tmp_path_factory.mktemp("made-up") / "study", tables, title="Mine: *& yours*")


@pytest.fixture(scope="session")
def adapted(tmp_path_factory, request):
    """The study of adapters, run once for all processes of a test run; not to be changed."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if hasattr(request.config, "workerinput") else shared
    suite, out = shared / "adapted.toml", shared / "adapted"
    with FileLock(shared / "adapted.lock"):
        if not out.exists():
            suite.write_text(ADAPTED)
            done = answer("run-suite", suite, "--out", out, "--workers", 1, "--no-summary")
            assert done.returncode == 0, done.stderr
    return out
