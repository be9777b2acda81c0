"""Agents of other packages: the documented example, installed, is an agent like any."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from glam_eval.config.agents import describe_agent
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.results import load_results

EXAMPLE = Path(__file__).parents[2] / "examples" / "walker"
SUITE = """
title = "Mine"
question = "Does it walk?"
seeds = 1
[environment]
level = "GoToLocalS5N2"
[[agents]]
agent = "walker"
[[agents]]
agent = "random"
[[protocols]]
name = "generalization"
scenes = 5
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Entry points as an installer writes them for the example's own pyproject.toml, and others."""

    def install(**others):
        project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
        points = project["entry-points"]["glam_eval.agents"] | others
        information = tmp_path / "site" / "glam_eval_walker-0.1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: glam-eval-walker\nVersion: 0.1.0\n"
        )
        lines = ["[glam_eval.agents]", *(f"{name} = {value}" for name, value in points.items())]
        (information / "entry_points.txt").write_text("\n".join(lines))
        for path in (EXAMPLE, tmp_path / "site"):
            monkeypatch.syspath_prepend(str(path))
        return os.pathsep.join([str(EXAMPLE), str(tmp_path / "site")])

    return install


@pytest.mark.thorough
def test_the_example_runs_in_a_suite(tmp_path, installed):
    environment = os.environ | {"PYTHONPATH": installed()}
    suite = tmp_path / "mine.toml"
    suite.write_text(SUITE)
    command = [sys.executable, "-m", "glam_eval", "run-suite", str(suite), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    episodes = load_results(tmp_path / "out", "episodes")
    assert episodes.groupby("agent", observed=True).size().to_dict() == {"random": 5, "walker": 5}
    walked = episodes.loc[episodes["agent"] == "walker", "actions"].str.cat()
    assert walked.count("2") + walked.count("0") > 0.8 * len(walked)


def test_what_is_no_agent_is_one_clear_line(installed):
    installed(broken="walker:NOTHING", other="walker:WALKER")
    assert describe_agent("walker").label == "Walker"
    with pytest.raises(UserError, match="can't be loaded"):
        describe_agent("broken")
    with pytest.raises(UserError, match="must be an Agent of that name"):
        describe_agent("other")
    with pytest.raises(UserError, match="did you mean 'walker'"):
        RunConfig.parse({"agent": "waker"}, "test")
