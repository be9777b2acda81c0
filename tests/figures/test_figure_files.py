"""Figures as files: complete, equal from one drawing to the next, and honest about what is missing."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from glam_eval.core.errors import UserError
from glam_eval.figures import draw_all, figure_named

ANALYSES = Path(__file__).parents[2] / "analyses"


@pytest.fixture(scope="module")
def results(tmp_path_factory, study_tables) -> Path:
    """A results directory with a small study in it."""
    root = tmp_path_factory.mktemp("results")
    for name, table in study_tables(conditions=3, scenes=12).items():
        (root / name).mkdir()
        table.to_parquet(root / name / "all.parquet")
    return root


def test_each_figure_writes_images_table_and_caption(results, tmp_path):
    drawn = draw_all(results, tmp_path, names=["generalization", "distractors"])
    assert {path.name for path in drawn.written} == {
        f"generalization.{s}" for s in ("png", "pdf", "svg", "csv", "txt")
    }
    assert drawn.skipped == {"distractors": "every run has the same distractors"}
    table = pd.read_csv(tmp_path / "generalization.csv")
    assert {"shift", "agent", "model", "mean", "low", "high", "change", "p_adjusted", "n_seeds"} <= set(
        table.columns
    )
    caption = (tmp_path / "generalization.txt").read_text(encoding="utf-8")
    for statement in ("n = 5 seeds", "12 episodes each", "95% intervals", "adjusted over an agent's shifts"):
        assert statement in caption


def test_drawing_again_gives_the_same_bytes(results, tmp_path):
    for run in ("a", "b"):
        draw_all(results, tmp_path / run, names=["learning_curves", "aggregates"])
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_wrong_names_and_places_are_one_clear_line(results, tmp_path):
    with pytest.raises(UserError, match="did you mean 'generalization'"):
        figure_named("generalisation")
    with pytest.raises(UserError, match="figure format 'bmp'"):
        draw_all(results, tmp_path, formats=["bmp"])
    with pytest.raises(UserError):
        draw_all(tmp_path / "nowhere", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write figures"):
        draw_all(results, tmp_path / "file", names=["failures"])


def test_others_tables_with_episodes_alone_are_enough(tmp_path, study_tables):
    episodes = study_tables(conditions=3, scenes=12)["episodes"]
    (tmp_path / "episodes").mkdir()
    optional = ["actions", "steps_blocked", "cells_visited", "wrong_object", "wrong_order"]
    episodes.drop(columns=optional).to_parquet(tmp_path / "episodes" / "theirs.parquet")
    names = ["generalization", "failures", "size_scaling", "policy_evolution"]
    drawn = draw_all(tmp_path, tmp_path / "out", formats=["png"], names=names)
    assert set(drawn.skipped) == set(names) - {"generalization"}
    assert "lack one of the columns" in drawn.skipped["failures"]


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ANALYSES / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_table_of_agents_holds_each_once_beside_random_and_bot(tmp_path):
    done = run_script("agents_table", ANALYSES.parent / "results" / "grounding-cpu", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "agents_table.parquet").set_index("agent")
    assert table.index.is_unique and len(table) == 16
    learners = table[table["frames"] > 0]
    assert (learners["success_low"] > table.loc["random", "success_high"]).all()
    assert table.loc["bot", "frames_to_80"] == 0 and table.loc["random", "seeds_at_80"] == 0
    changed = table["success"] - table.loc["random", "success"]
    rest = table.index != "random"
    pd.testing.assert_series_equal(table["minus_random"][rest], changed[rest], check_names=False)


def test_the_table_of_generalization_holds_the_numbers_of_its_figure(results, tmp_path):
    done = run_script("generalization_table", results, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    draw_all(results, tmp_path, formats=[], names=["generalization"])
    table = pd.read_csv(tmp_path / "generalization_table.csv")
    pd.testing.assert_frame_equal(table, pd.read_csv(tmp_path / "generalization.csv"))
    tex = (tmp_path / "generalization_table.tex").read_text(encoding="utf-8")
    french = table[(table["shift"] == "none@fr") & (table["agent"] == "bot")].iloc[0]
    assert re.search(rf"^French.* {100 * french['mean']:.0f}\\% \[", tex, re.MULTILINE)


@pytest.mark.thorough
def test_a_script_says_in_a_line_what_is_missing(results, tmp_path):
    for place, said in ((tmp_path, "episodes"), (results, "no data for this: there is no table")):
        missing = run_script("agents_table", place, "--out", tmp_path)
        assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
        assert said in missing.stderr


def test_no_machine_learning_is_imported():
    code = "import glam_eval.report, sys; print({'torch', 'transformers', 'minigrid'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
