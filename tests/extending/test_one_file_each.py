"""A level, a shift and an agent are each added by one file, the one that CONTRIBUTING names."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glam_eval.results import load_results

ROOT = Path(__file__).parents[2]
LEVEL = """
        Level(
            "GoToTwiceLocal",
            LocalLevel,
            {"kinds": ("goto_then_goto",), "split": "all", "room_size": 5, "num_dists": 2},
            "go to A, then go to B",
        ),"""
SHIFT = """
description = "The colours as a painter says them."
[en.colors]
red = "carmine"
green = "viridian"
blue = "ultramarine"
purple = "magenta"
yellow = "ochre"
grey = "graphite"
"""
AGENT = """
    _language_model(
        "frozen-words", "FrozenWords-T5", "action head, random embeddings", "#332288", "X",
        switches=Switches(embeddings="random", action_choice="head"),
    ),"""
SUITE = """
title = "Mine"
question = "Are they there, and does it learn as any agent does?"
seeds = 1
frames = 80
evaluations = 1
[environment]
level = "GoToTwiceLocal"
[policy]
head_hidden = 8
[ppo]
environments = 8
steps = 10
minibatch = 40
[[agents]]
agent = "frozen-words"
model = "t5-pico"
[[agents]]
agent = "bot"
[[protocols]]
name = "sample-efficiency"
scenes = 4
[[protocols]]
name = "generalization"
scenes = 4
replays = 1
conditions = ["none", "painted_colors"]
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the package to add to, without the models' weights."""
    heavy = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(ROOT / "glam_eval", tmp_path / "glam_eval", ignore=heavy)
    return tmp_path


def touched(package: Path) -> set[str]:
    """The files of the copy that differ from the original or are new."""
    files = {path.relative_to(package).as_posix() for path in package.joinpath("glam_eval").rglob("*.*")}
    files = {file for file in files if "__pycache__" not in file}
    return set().union(*filecmp.cmpfiles(package, ROOT, files, shallow=False)[1:])


def add_level(package: Path) -> None:
    catalogue = package / "glam_eval" / "environments" / "catalogue.py"
    before, after = catalogue.read_text().split("    for level in (", 1)
    catalogue.write_text(before + "    for level in (" + LEVEL + after)


def add_shift(package: Path) -> None:
    (package / "glam_eval" / "language" / "shifts" / "painted_colors.toml").write_text(SHIFT)


def add_agent(package: Path) -> None:
    registry = package / "glam_eval" / "config" / "agents.py"
    registry.write_text(registry.read_text().replace("_STUDY = (", "_STUDY = (" + AGENT, 1))


def program(package: Path, *arguments) -> str:
    command = [sys.executable, "-m", "glam_eval", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(package), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
def test_a_level_is_one_entry_of_the_catalogue(package):
    add_level(package)
    assert touched(package) == {"glam_eval/environments/catalogue.py"}
    assert "GoToTwiceLocal" in program(package, "envs")
    described = program(package, "envs", "GoToTwiceLocal")
    assert "kinds of task: goto_then_goto" in described and "Goal reached" in described
    assert "7 x 7 cells" in program(package, "envs", "GoToTwiceLocalS7N3")


def test_a_shift_is_one_file_of_words(package):
    add_shift(package)
    assert touched(package) == {"glam_eval/language/shifts/painted_colors.toml"}
    scene = program(package, "envs", "GoToLocalS5N2").partition("Scene")[2]  # after what the level is
    for colour, painted in (line.split(" = ") for line in SHIFT.strip().splitlines()[2:]):
        scene = scene.replace(f" {colour} ", f" {painted[1:-1]} ")
    scene = scene.replace("a ultramarine", "an ultramarine").replace("a ochre", "an ochre")
    shifted = program(package, "envs", "GoToLocalS5N2", "--shift", "painted_colors")
    assert shifted.partition("Scene")[2] == scene


@pytest.mark.thorough
def test_a_suite_asks_them_like_any(package):
    """The agent is trained, evaluated, and drawn with the label and colour of its one entry."""
    add_agent(package)
    assert touched(package) == {"glam_eval/config/agents.py"}
    add_level(package)
    add_shift(package)
    (package / "mine.toml").write_text(SUITE)
    program(package, "run-suite", "mine.toml", "--out", package / "out", "--workers", 1)
    episodes = load_results(package / "out", "episodes")
    assert set(episodes["level"]) == {"GoToTwiceLocal"}
    learned = episodes[(episodes["agent"] == "frozen-words") & (episodes["protocol"] == "sample-efficiency")]
    assert learned.groupby("frames").size().to_dict() == {0: 4, 80: 4}
    asked = episodes[(episodes["agent"] == "bot") & (episodes["protocol"] == "generalization")]
    assert asked.groupby("shift", observed=True).size().to_dict() == {"none": 4, "painted_colors": 4}
    assert asked["success"].all()
    painted = episodes.loc[episodes["shift"] == "painted_colors", "mission"].str.cat(sep=" ").split()
    assert set(painted) & {"carmine", "viridian", "ultramarine", "magenta", "ochre", "graphite"}
    assert not set(painted) & {"red", "green", "blue", "purple", "yellow", "grey"}
    drawn = (package / "out" / "figures" / "learning_curves.svg").read_text()
    assert "#332288" in drawn
    assert "FrozenWords-T5" in (package / "out" / "report.html").read_text()
