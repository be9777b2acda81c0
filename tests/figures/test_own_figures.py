"""Figures that are added or changed the documented way are drawn by the program."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from program import answer

from glam_eval.core.errors import UserError
from glam_eval.figures import FIGURES, definitions, figure_named
from glam_eval.figures.registry import READING_ORDER

ROOT = Path(__file__).parents[2]
DEFINITIONS = Path(definitions.__file__).parent
MINE = '''
"""How long are episodes that succeed?"""

from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.style import ONE_COLUMN, panels
from glam_eval.statistics import success_by


def table(study):
    rows = study.episodes("generalization", "none")
    rows = rows.assign(success=rows["length"] < 64)
    return success_by(rows, ["agent", "model"])


def draw(table, looks):
    drawing, (axes,) = panels(1, 1, width=ONE_COLUMN, height=1.5)
    axes.barh([looks[a, m].label for a, m in zip(table["agent"], table["model"])], table["mean"])
    return drawing


FIGURE = FigureDefinition("in_time", "In time", table, draw, "Share of episodes that end before time-out.")
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory, study_tables) -> Path:
    root = tmp_path_factory.mktemp("results")
    for name, table in study_tables(conditions=3, seeds=3, scenes=8).items():
        (root / name).mkdir()
        table.to_parquet(root / name / "all.parquet")
    return root


ASKED = ("figures", "--format", "png", "--out")


def test_a_file_added_to_the_definitions_is_a_figure_of_the_program(results, tmp_path):
    heavy = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(ROOT / "glam_eval", tmp_path / "glam_eval", ignore=heavy)
    (tmp_path / "glam_eval" / "figures" / "definitions" / "in_time.py").write_text(MINE)
    command = [sys.executable, "-m", "glam_eval", *ASKED, tmp_path / "out", results, "--name", "in_time"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    options = {"env": environment, "cwd": tmp_path, "capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run(list(map(str, command)), check=False, **options)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"in_time.png", "in_time.csv", "in_time.txt"}
    episodes = pd.read_parquet(results / "episodes")
    episodes = episodes[(episodes["protocol"] == "generalization") & (episodes["shift"] == "none")]
    expected = (episodes["length"] < 64).groupby(episodes["agent"]).mean()
    table = pd.read_csv(tmp_path / "out" / "in_time.csv").set_index("agent")
    assert table["mean"].to_dict() == pytest.approx(expected.to_dict())
    assert "In time. Share of episodes" in (tmp_path / "out" / "in_time.txt").read_text()


def test_a_copied_definition_draws_what_was_changed_in_it(results, tmp_path):
    text = (DEFINITIONS / "failures.py").read_text()
    assert text.count("study.reference_shift)") == 1
    (tmp_path / "mine.py").write_text(text.replace("study.reference_shift)", '"none@fr")'))
    done = answer(*ASKED, tmp_path / "out", results, "--name", tmp_path / "mine.py")
    assert done.returncode == 0, done.stderr
    ended = pd.read_csv(tmp_path / "out" / "failures.csv")
    drawn = ended[ended["category"] == "success"].set_index("agent")["mean"]
    episodes = pd.read_parquet(results / "episodes")
    french = episodes[(episodes["protocol"] == "generalization") & (episodes["shift"] == "none@fr")]
    assert drawn.to_dict() == pytest.approx(french.groupby("agent")["success"].mean().to_dict())


def test_the_figure_in_analyses_tells_tasks_apart(results, tmp_path):
    done = answer(*ASKED, tmp_path, results, "--name", ROOT / "analyses" / "success_by_task.py")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "success_by_task.csv").set_index(["agent", "metric"])["mean"]
    episodes = pd.read_parquet(results / "episodes")
    episodes = episodes[(episodes["protocol"] == "generalization") & (episodes["shift"] == "none")]
    expected = episodes.groupby(["agent", "task"])["success"].mean()
    assert table.to_dict() == pytest.approx(expected.to_dict())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file"),
        ("FIGURES = 1", "defines no figure: it needs FIGURE = FigureDefinition"),
        ("FIGURE = undefined", "can't be read as a figure: NameError"),
        ("def", "can't be read as a figure: SyntaxError"),
    ],
)
def test_a_file_that_defines_no_figure_is_one_clear_line(tmp_path, text, said):
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(UserError, match=said) as raised:
        figure_named(str(tmp_path / "mine.py"))
    assert "\n" not in str(raised.value)


def test_each_file_of_the_definitions_is_a_figure_named_as_it():
    files = {path.stem for path in DEFINITIONS.glob("*.py")} - {"__init__"}
    assert [figure.name for figure in FIGURES] == list(dict.fromkeys(figure.name for figure in FIGURES))
    assert {figure.name for figure in FIGURES} == files >= set(READING_ORDER)
    for name in files:
        assert figure_named(name).table.__module__ == f"{definitions.__name__}.{name}"


def test_a_figure_can_be_read_on_a_screen():
    for path in [*DEFINITIONS.glob("*.py"), *(ROOT / "analyses").glob("success_by_task.py")]:
        assert len(path.read_text().splitlines()) <= 42, path.name
