"""What Start says, sentence by sentence: each number and promise is looked up where it is decided."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from program import answer
from report_files import written
from synthetic_study import make_study

import glam_eval
from glam_eval.config.loading import load_suite
from glam_eval.policies.models.shipped import shipped_rungs

ROOT = Path(__file__).parents[2]
START = " ".join((ROOT / "docs/index.md").read_text("utf-8").split())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def quick():
    return load_suite("quick")


def test_the_oldest_python_is_the_projects():
    (oldest,) = re.findall(r"Python (3\.\d+) or newer", START)
    wanted = SpecifierSet(PROJECT["requires-python"])
    assert f"{oldest}.0" in wanted and f"3.{int(oldest[2:]) - 1}.9" not in wanted
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text()


def test_quick_needs_no_download_and_is_what_start_says(quick):
    models = {run.model for run in quick.runs() if run.model != "none"}
    shipped = set(shipped_rungs())
    assert models <= shipped | {f"{name}-scratch" for name in shipped}
    assert (
        any(model.endswith("-scratch") for model in models) and models & shipped
    )  # from pretraining and scratch
    assert f"on {quick.seeds} seeds each" in START
    goals = {condition.goal for protocol in quick.protocols for condition in protocol.conditions}
    assert "told, swapped for another thing, absent and hidden" in START
    assert goals == {"told", "swapped", "absent", "hidden"}


def test_commands_write_what_start_says(quick, tmp_path):
    study, out = written(tmp_path / "study", make_study(conditions=2, scenes=8)), tmp_path / "figures"
    assert f"results/{quick.name}/report.html" in START
    compared = answer("compare", study).stdout
    assert re.search(r"\d+ \d+–\d+", compared) and re.search(r"\[[-+]\d+, [-+]\d+\] [↑↓=≥?]", compared)
    drawn = answer("figures", study, "--name", "learning_curves", "--out", out)
    kinds = {path.suffix for path in out.iterdir()}
    assert drawn.returncode == 0 and kinds == {".png", ".pdf", ".svg", ".csv", ".txt"}
    assert glam_eval.Study(study)._repr_html_().count("<img") == 1


def test_the_change_of_start_is_one_and_lists_what_it_would_do(quick):
    (change,) = re.findall(r"run-suite quick --set (\S+) --out results/slower --dry-run", START)
    changed = load_suite("quick", [change])
    assert changed.digest() != quick.digest() and len(changed.runs()) == len(quick.runs())


def test_the_wheel_of_start_is_the_one_that_is_built():
    named = set(re.findall(r"dist/(glam_eval-\S+?)-py3-none-any\.whl", START))
    assert named == {f"glam_eval-{glam_eval.__version__}"}
    assert PROJECT["scripts"]["glam-eval"] == "glam_eval.cli:main"
