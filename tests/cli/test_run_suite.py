"""The whole study by one command: what it leaves, and what running it again does."""

import shutil

import pandas as pd
import pytest
from program import SUITE_TABLES, answer, assert_same_results, stable_table

import glam_eval as package
from glam_eval.core.seeds import test_scene_seeds
from glam_eval.results import table_names


def test_everything_is_there_and_said(study):
    out, said = study
    assert set(SUITE_TABLES) <= set(table_names(out))
    assert list((out / "figures").glob("*.png"))
    assert (out / "report.html").stat().st_size > 10_000
    last = said.strip().splitlines()[-6:]
    assert any(str(out / "report.html") in line for line in last)
    assert "GFlan-T5 t5-pico" in said
    assert "generalization" in said


def test_pandas_reads_the_study(study):
    out, _ = study
    episodes = pd.read_parquet(out / "episodes")
    success = episodes.groupby(["agent", "model", "shift"]).success.mean()
    assert success["bot", "none", "invented_nouns"] == 1.0
    assert len(package.load_results(out, "episodes")) == len(episodes)


def test_every_agent_and_shift_saw_the_same_scenes_once(study):
    out, _ = study
    episodes = pd.read_parquet(out / "episodes")
    cells = episodes.groupby(["protocol", "run_id", "frames", "shift"]).scene_seed
    for (protocol, *_), scenes in cells:
        assert sorted(scenes) == sorted(test_scene_seeds(protocol, len(scenes)))
    assert set(cells.size().groupby("protocol").unique().map(tuple)) == {(8,), (6,)}


def test_the_curve_has_its_points_and_every_update_its_row(study):
    out, _ = study
    episodes = pd.read_parquet(out / "episodes")
    curve = episodes[(episodes.protocol == "sample-efficiency") & (episodes.agent == "gflan")]
    assert sorted(curve.frames.unique()) == [0, 80, 160, 240]
    training = pd.read_parquet(out / "training")
    assert training.groupby("run_id")["update"].apply(list).map(sorted).tolist() == [[1, 2, 3]] * 2


def test_running_again_does_nothing_anew(study, suite):
    out, _ = study
    before = {
        path: path.stat().st_mtime_ns for path in out.glob("*/*.parquet") if path.parent.name != "comparisons"
    }
    done = answer("run-suite", suite, "--out", out)
    assert done.returncode == 0, done.stderr
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_finished_study_is_a_few_files(study):
    """Of 6 runs: a file a table, figures and their numbers, the report; checkpoints besides."""
    out, _ = study
    for table in table_names(out):
        assert [file.name for file in (out / table).iterdir()] == [f"{table}.parquet"]


@pytest.mark.thorough
def test_a_deleted_file_is_made_again_and_with_it_all_that_is_made_of_it(study, suite, tmp_path):
    out = shutil.copytree(study[0], tmp_path / "out")
    products = ("report.html", "comparisons/comparisons.parquet", "figures/generalization.csv")
    before = {name: (out / name).read_bytes() for name in products[1:]}
    shutil.rmtree(out / "steps")
    (out / "report.html").write_text("")
    done = answer("run-suite", suite, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    again = [line for line in done.stdout.splitlines() if line.startswith("made again: ")]
    assert len(again) == 3  # replays are of the first seed's runs
    assert all("-s0-" in line and line.endswith("of which rows of steps are gone") for line in again)
    assert_same_results(study[0], out)
    assert before == {name: (out / name).read_bytes() for name in products[1:]}
    assert (out / "report.html").stat().st_size > 10_000


def test_replays_are_of_the_first_seed_of_every_agent(study):
    out, _ = study
    steps = package.load_results(out, "steps")
    runs = package.load_results(out, "runs").set_index("run_id")
    replayed = runs.loc[steps["run_id"].unique()]
    assert set(replayed["seed"]) == {0} and set(replayed["agent"]) == {"gflan", "random", "bot"}


def test_a_checkpoint_loads_with_plain_transformers_and_repeats_its_rows(study, tmp_path):
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    out, _ = study
    checkpoint = next((out / "checkpoints").glob("gflan-*-s0-*/frames-0000000240"))
    model = AutoModelForSeq2SeqLM.from_pretrained(checkpoint)
    tokens = AutoTokenizer.from_pretrained(checkpoint)("go to the red ball", return_tensors="pt")
    assert model.generate(**tokens, max_new_tokens=3).shape[0] == 1
    done = answer("evaluate", checkpoint, "--protocol", "generalization", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    again, stored = stable_table(tmp_path, "episodes"), stable_table(out, "episodes")
    stored = stored[(stored.run_id == again.run_id[0]) & (stored.protocol == "generalization")]
    pd.testing.assert_frame_equal(again, stored.reset_index(drop=True), check_exact=True)


def test_a_checkpoint_is_asked_with_its_goals_swapped(study, tmp_path):
    out, _ = study
    checkpoint = next((out / "checkpoints").glob("gflan-*-s0-*/frames-0000000240"))
    asked = ("--protocol", "generalization", "--condition", "none", "--condition", "@controls")
    done = answer("evaluate", checkpoint, *asked, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "none~swapped" in done.stdout and "as told" in done.stdout
    episodes = stable_table(tmp_path, "episodes")
    assert set(episodes.goal) == {"told", "swapped", "absent", "hidden"}
    missions = episodes.pivot(index="scene_seed", columns="goal", values="mission")
    assert (missions["hidden"] == "").all() and (missions["swapped"] != missions["told"]).all()
    own = episodes[episodes.goal == "told"]
    assert (own.success == own.success_told).all()


@pytest.mark.thorough
def test_a_failing_run_is_named_and_the_others_finish(suite, tmp_path):
    diverging = "ppo={learning_rate=1e38, epochs=1, minibatch=80}"
    agents = f"agents=[{{agent='random'}}, {{agent='gflan', model='t5-pico', {diverging}}}]"
    out = tmp_path / "out"
    settings = ("--seeds", 1, "--set", agents, "--workers", 1, "--no-summary")
    done = answer("run-suite", suite, "--out", out, *settings)
    assert done.returncode == 1
    assert "gflan-t5-pico-GoToLocalS5N2-s0" in done.stderr and "NaN" in done.stderr
    assert "log:" in done.stderr
    assert "Traceback" not in done.stderr
    runs = pd.read_parquet(out / "runs")
    assert dict(zip(runs["agent"], runs["status"], strict=True)) == {
        "random": "finished",
        "gflan": "failed",
    }


def test_another_suites_directory_is_refused_untouched(study, tmp_path):
    out, _ = study
    before = sorted(out.rglob("*"))
    done = answer("run-suite", "quick", "--out", out)
    assert done.returncode == 2
    assert "holds suite 'tiny'" in done.stderr
    assert sorted(out.rglob("*")) == before
