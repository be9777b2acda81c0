"""Records of Every Eval Ever say what the tables say, and its own package takes them."""

import hashlib
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from program import answer
from report_files import written

from glam_eval.results import load_results
from glam_eval.statistics import success_by

VALIDATOR = importlib.util.find_spec("every_eval_ever") is not None
LACKING = "every_eval_ever is not installed: the Makefile installs it beside the extras"


def exported(results, out, *options):
    done = answer("export", results, "--format", "every_eval_ever", "--to", out, *options)
    assert done.returncode == 0, done.stderr
    return {file: json.loads(file.read_text("utf-8")) for file in sorted(out.rglob("*.json"))}


def samples_of(file):
    lines = file.with_name(f"{file.stem}_samples.jsonl").read_text("utf-8").splitlines()
    return pd.DataFrame(list(map(json.loads, lines)))


@pytest.fixture(scope="module")
def records(made_up, tmp_path_factory):
    return exported(made_up, tmp_path_factory.mktemp("records") / "out", "--episodes", "--by", "A & B")


@pytest.fixture(scope="module")
def root(records):
    return next(iter(records)).parents[4]


def test_there_is_a_record_an_agent_with_its_model_under_the_name_that_others_know(records, root):
    found = {file.parent.relative_to(root / "data").as_posix() for file in records}
    assert found == {f"babyai-text/{name}" for name in (
        "A-B/gflan-t5-nano", "A-B/gflan-t5-pico", "glam-eval/random", "glam-eval/bot"
    )}  # fmt: skip
    for file, record in records.items():
        assert record["model_info"]["id"] == "/".join(file.parent.parts[-2:])


def test_scores_are_means_over_seeds_with_the_interval_of_our_statistics(records, made_up):
    episodes = load_results(made_up, "episodes")
    frames = episodes.groupby(["protocol", "run_id"], observed=True)["frames"]
    episodes = episodes[episodes["frames"] == frames.transform("max")]
    by = ["protocol", "shift", "language", "level"]
    for record in records.values():
        who = record["model_info"]["additional_details"]
        own = episodes[(episodes["agent"] == who["agent"]) & (episodes["model"] == who["variant"])]
        expected = {"/".join(row[:4]): row[4:] for row in success_by(own, by).itertuples(index=False)}
        assert {result["evaluation_result_id"] for result in record["evaluation_results"]} == set(expected)
        for result in record["evaluation_results"]:
            mean, low, high, n_seeds, n_episodes = expected[result["evaluation_result_id"]]
            told = result["score_details"]
            assert told["score"] == mean
            assert told["uncertainty"]["num_samples"] == n_seeds == len(json.loads(told["details"]["seeds"]))
            interval = told["uncertainty"]["confidence_interval"]
            assert (interval["lower"], interval["upper"]) == (low, high)
            assert int(told["details"]["episodes_per_seed"]) == n_episodes
            assert np.mean(json.loads(told["details"]["success_by_seed"])) == pytest.approx(mean)


def test_a_record_names_what_it_came_from(records, made_up):
    runs = load_results(made_up, "runs").set_index("run_id")
    for record in records.values():
        assert record["eval_library"]["version"] == "0.1.0 (adc670f)"
        assert record["source_metadata"]["source_name"] == "Mine: *& yours*"
        assert record["source_metadata"]["source_organization_name"] == "A & B"
        details = record["evaluation_results"][0]["score_details"]["details"]
        named = json.loads(details["run_ids"])
        assert json.loads(details["config_hashes"]) == [runs.loc[run, "config_hash"] for run in named]


def test_samples_are_the_episodes_that_the_scores_are_of(records):
    for file, record in records.items():
        samples = samples_of(file)
        assert len(samples) == record["detailed_evaluation_results"]["total_rows"]
        checksum = hashlib.sha256(file.with_name(f"{file.stem}_samples.jsonl").read_bytes()).hexdigest()
        assert record["detailed_evaluation_results"]["checksum"] == checksum
        samples["seed"] = [row["seed"] for row in samples["metadata"]]
        samples["score"] = [row["score"] for row in samples["evaluation"]]
        means = samples.groupby(["evaluation_result_id", "seed"])["score"].mean().groupby(level=0).mean()
        for result in record["evaluation_results"]:
            assert means[result["evaluation_result_id"]] == pytest.approx(result["score_details"]["score"])


def test_stored_steps_are_told_as_a_conversation_of_what_was_read_and_done(records, made_up):
    steps = load_results(made_up, "steps")
    first = steps.sort_values(["run_id", "shift", "step"]).iloc[0]
    own = steps[(steps["run_id"] == first["run_id"]) & (steps["shift"] == first["shift"])].sort_values("step")
    for file in records:
        for row in samples_of(file).to_dict("records"):
            about = row["metadata"]
            scene = row["sample_id"].rpartition("/")[2]
            wanted = (first["run_id"], first["shift"], str(first["scene_seed"]))
            if (about["run_id"], about["shift"], scene) == wanted and about["protocol"] == first["protocol"]:
                assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"] * len(own)
                said = [turn["content"] for turn in row["messages"][1::2]]
                assert said == [n[a] for n, a in zip(own["action_names"], own["action"], strict=True)]
                assert row["messages"][0]["content"].startswith(row["input"]["raw"])
                return
    pytest.fail("the episode is not among the samples")


def test_equal_results_have_equal_names_and_runs_set_otherwise_are_models_of_their_own(tables, tmp_path):
    changed = {name: table.copy() for name, table in tables.items()}
    odd = changed["runs"]["seed"] >= 3
    remembers = changed["runs"]["config"].str.replace('"remembered": 1', '"remembered": 3')
    changed["runs"]["config"] = changed["runs"]["config"].where(~odd, remembers)
    results = written(tmp_path / "study", changed)
    one, two = exported(results, tmp_path / "one"), exported(results, tmp_path / "two")
    assert [file.name for file in one] == [file.name for file in two]
    seeds = {
        record["model_info"]["id"]: json.loads(
            record["evaluation_results"][0]["score_details"]["details"]["seeds"]
        )
        for record in one.values()
    }
    assert seeds["glam-eval/gflan-t5-nano-remembered-1"] == [0, 1, 2]
    assert seeds["glam-eval/gflan-t5-nano-remembered-3"] == [3, 4]


def validate(root):
    """Run its own program on a store, which refuses broken files and samples that don't fit."""
    files = [file.relative_to(root).as_posix() for file in root.rglob("*.json*")]
    return subprocess.run(
        [sys.executable, "-m", "every_eval_ever.validate", *files], cwd=root, capture_output=True, text=True
    )


@pytest.mark.skipif(not VALIDATOR, reason=LACKING)
def test_its_own_validator_takes_the_records_and_not_broken_ones(records, root):
    done = validate(root)
    assert done.returncode == 0, done.stdout
    file, record = next(iter(records.items()))
    text = file.read_text("utf-8")
    try:
        record["evaluation_results"][0]["score_details"]["score"] = 2.0
        file.write_text(json.dumps(record))
        assert validate(root).returncode == 1
    finally:
        file.write_text(text, "utf-8")


def test_what_others_wrote_into_a_runs_texts_breaks_nothing(tables, tmp_path):
    odd = {name: table.copy() for name, table in tables.items()}
    odd["runs"]["packages"] = '["no", "mapping"]'
    odd["runs"]["config"] = '{"learner": "mine", "environment": {"actions": 3}}'
    results = written(tmp_path / "study", odd)
    for record in exported(results, tmp_path / "out", "--episodes").values():
        assert record["eval_library"]["additional_details"] == {}
    odd["runs"]["config"] = '{"environment": 3}'
    other = written(tmp_path / "other", odd)
    done = answer("export", other, "--format", "every_eval_ever", "--to", tmp_path / "none")
    assert done.returncode == 2 and "no groups of settings" in done.stderr


def test_what_cannot_be_told_is_one_line(made_up, tmp_path, tables):
    def refused(*arguments):
        done = answer("export", *arguments)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        return done.stderr

    out = tmp_path / "out"
    assert "unknown format 'parquet'" in refused(made_up, "--format", "parquet", "--to", out)
    assert "--run is not of" in refused(made_up, "--format", "every_eval_ever", "--to", out, "--run", "x")
    assert "holds no results" in refused(tmp_path, "--format", "every_eval_ever", "--to", out)
    bare = written(tmp_path / "bare", {"episodes": tables["episodes"]})
    assert "no table 'runs'" in refused(bare, "--format", "every_eval_ever", "--to", out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("kept")
    assert "exists" in refused(made_up, "--format", "every_eval_ever", "--to", tmp_path / "full")
    assert (tmp_path / "full/mine.txt").read_text() == "kept"
    assert not out.exists() and {path.name for path in tmp_path.iterdir()} == {"bare", "full"}
