"""What Start says, sentence by sentence: each promise is carried out, or looked up where it is decided."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from goal_study import goal_study
from packaging.specifiers import SpecifierSet
from program import answer, command
from report_files import written
from synthetic_study import make_study

import glam_eval
from glam_eval.config.loading import load_suite
from glam_eval.environments.catalogue import find_level
from glam_eval.figures import Study
from glam_eval.policies.models.shipped import shipped_rungs
from glam_eval.report.findings import findings_by_question
from glam_eval.statistics.chance import is_goal_blind

ROOT = Path(__file__).parents[2]
START = " ".join((ROOT / "docs/index.md").read_text("utf-8").split())
TESTS = ROOT / "tests"
# Each sentence by its first words, and the tests that hold it to what it says.
SENTENCES = {
    "glam-eval asks one question": "test_it_trains_by_ppo_beside_agents_that_never_know_the_goal",
    "It trains them by PPO": "test_it_tells_with_intervals_who_reads_and_who_walks",
    "Python 3.11 or newer": "test_the_oldest_python_is_the_projects",
    "No GPU and no download": "test_quick_needs_no_download_and_is_what_start_says",
    "Nothing has to be installed": "test_the_wheel_of_start_is_the_one_that_is_built",
    "`uvx` and `pipx` run": "test_the_wheel_of_start_is_the_one_that_is_built",
    "In bash, zsh or fish,": "test_shells_complete_commands_and_options",
    "trains small language models": "test_a_suite_like_quick_does_all_that_start_says",
    "It takes about seven minutes": "test_start_and_readme_tell_one_time",
    "Interrupt it when you like:": "cli/test_killed_suites.py::test_killed_and_resumed_equals_uninterrupted",
    "In Python, the same": "docs/test_docs.py::test_the_python_of_a_page_does_what_it_says",
    "As the last line of": "test_a_study_shows_its_question_findings_and_first_figure",
    "lists what would run": "test_the_change_of_start_is_listed_with_what_it_costs",
    "The [tutorial](tutorial.md) goes on": "test_the_pages_that_start_names_are_there",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def quick():
    return load_suite("quick")


def sentences():
    prose = re.sub(r"^(```.*?^```|#.*?$)", "", (ROOT / "docs/index.md").read_text("utf-8"), flags=re.M | re.S)
    for paragraph in re.split(r"\n\s*\n", prose):
        yield from filter(None, re.split(r"(?<=[.?:*])\s+(?=[A-Z`\[])", " ".join(paragraph.split())))


def test_each_sentence_has_a_test():
    told = list(sentences())
    assert [sentence[: len(start)] for sentence, start in zip(told, SENTENCES, strict=True)] == list(
        SENTENCES
    )
    for test in SENTENCES.values():
        file, _, name = test.rpartition("::")
        tree = ast.parse((TESTS / (file or "docs/test_start.py")).read_text("utf-8"))
        assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}, test


def test_it_trains_by_ppo_beside_agents_that_never_know_the_goal(quick):
    learners = {run.agent: run.learner.kind for run in quick.runs() if run.frames}
    assert set(learners.values()) == {"ppo"}
    assert {"sweep", "random"} <= {run.agent for run in quick.runs() if is_goal_blind(run.agent)}
    assert find_level(quick.environment.level)  # of BabyAI-Text; a UserError for any other name


def test_it_tells_with_intervals_who_reads_and_who_walks():
    study = Study.of({"episodes": goal_study(scenes=60)})
    told = " ".join(str(finding.text) for finding in findings_by_question(study)["Do they read the goal?"])
    assert re.search(r"walker <b>walks</b>.*?<b>\d+% \[\d+, \d+\]</b>", told)
    assert re.search(r"reader <b>reads its goal</b>.*?<b>\d+% \[\d+, \d+\]</b>", told)


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


def test_a_study_shows_its_question_findings_and_first_figure():
    study = glam_eval.Study(ROOT / "results/grounding-cpu")
    shown = study._repr_html_()
    asked = json.loads((ROOT / "results/grounding-cpu/suite.json").read_text("utf-8"))["question"]
    assert asked.split("?")[0] in shown
    assert study.findings[0].split(".")[0] in shown and shown.count("<img") == 1


def test_the_change_of_start_is_listed_with_what_it_costs(quick, tmp_path):
    (change,) = re.findall(r"run-suite quick --set (\S+) --seeds 3 --out results/slower --dry-run", START)
    changed, three = load_suite("quick", [change, "seeds=3"]), load_suite("quick", ["seeds=3"])
    assert quick.seeds == 5
    assert {run.run_id for run in three.runs()} == {run.run_id for run in quick.runs() if run.seed < 3}
    assert changed.digest() != three.digest() and len(changed.runs()) == len(three.runs())
    asked = ("--set", change, "--seeds", 3, "--out", tmp_path / "slower", "--dry-run")
    listed = answer("run-suite", "quick", *asked)
    assert listed.returncode == 0, listed.stderr
    assert not (tmp_path / "slower").exists()
    assert f"{len(three.runs())} runs" in listed.stdout and re.search(r"\d+ (s|min|h)\b", listed.stdout)


@pytest.mark.parametrize(
    ("shell", "asked"),
    [
        ("bash", {"COMP_WORDS": "glam-eval run-s", "COMP_CWORD": "1"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "glam-eval run-s"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "glam-eval run-s", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_shells_complete_commands_and_options(shell, asked, tmp_path):
    program = Path(sys.executable).with_name("glam-eval")
    home = os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}

    def said(*arguments, **more):
        return subprocess.run(
            [program, *arguments], env=home | more, capture_output=True, text=True, check=True
        ).stdout

    assert said(_GLAM_EVAL_COMPLETE=f"complete_{shell}", **asked).count("run-suite")
    option = {
        name: text.replace("run-s", "run-suite --dry").replace("1", "2") for name, text in asked.items()
    }
    assert "--dry-run" in said(_GLAM_EVAL_COMPLETE=f"complete_{shell}", **option)


def test_start_and_readme_tell_one_time():
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    assert "about seven minutes on two cores" in START and "some seven minutes on 2 cores" in readme


def test_the_pages_that_start_names_are_there():
    pages = re.findall(r"\]\(([^)]+\.md)\)", START)
    assert pages and all((ROOT / "docs" / page).is_file() for page in pages)


LIKE_QUICK = """
extends = "quick"
title = "Like quick"
question = "Does all of it happen?"
seeds = 2
frames = 1280
evaluations = 1
[[protocols]]
name = "sample-efficiency"
scenes = 5
[[protocols]]
name = "generalization"
scenes = 10
conditions = ["none", "@controls"]
"""


@pytest.mark.slow
def test_a_suite_like_quick_does_all_that_start_says(quick, tmp_path):
    """Without a GPU and without the hub, on the scenes of quick, for a moment."""
    (tmp_path / "like.toml").write_text(LIKE_QUICK)
    alone = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "no-models")}
    done = subprocess.run(
        command("run-suite", tmp_path / "like.toml", "--out", tmp_path / "out"),
        env=os.environ | alone, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    runs, episodes = (glam_eval.load_results(tmp_path / "out", table) for table in ("runs", "episodes"))
    assert set(runs["status"]) == {"finished"} and set(runs["seed"]) == {0, 1}
    assert set(runs["model"]) == {run.model for run in quick.runs()}
    asked = episodes[episodes["protocol"] == "generalization"]
    assert set(asked["goal"]) == {"told", "swapped", "absent", "hidden"}
    assert asked.groupby(["run_id", "goal"], observed=True)["scene_seed"].agg(frozenset).nunique() == 1
    assert not glam_eval.load_results(tmp_path / "out", "comparisons").empty
    assert list((tmp_path / "out/figures").glob("*.png")) and (tmp_path / "out/report.html").is_file()


def test_the_wheel_of_start_is_the_one_that_is_built():
    named = set(re.findall(r"dist/(glam_eval-\S+?)-py3-none-any\.whl", START))
    assert named == {f"glam_eval-{glam_eval.__version__}"}
    assert PROJECT["scripts"]["glam-eval"] == "glam_eval.cli:main"
