"""A trained adapter that is exported loads with peft, and its card says what the tables say."""

import shutil

import pytest
import torch
import yaml
from program import answer

from glam_eval.exporting.told import last_episodes, runs_of
from glam_eval.policies.models.loading import load_model
from glam_eval.results import load_results

peft = pytest.importorskip("peft")


@pytest.fixture(scope="module")
def run_id(adapted):
    runs = load_results(adapted, "runs")
    return runs.loc[runs["agent"] == "gflan", "run_id"].iloc[0]


@pytest.fixture(scope="module")
def model(adapted, run_id, tmp_path_factory):
    out = tmp_path_factory.mktemp("model") / "out"
    done = answer("export", adapted, "--format", "model", "--run", run_id, "--to", out, "--by", "Us")
    assert done.returncode == 0, done.stderr
    return out


def test_peft_loads_it_and_it_says_what_the_checkpoint_says(model, adapted, run_id):
    checkpoint = max((adapted / "checkpoints" / run_id).iterdir())
    merged, tokenizer = load_model(checkpoint)
    loaded = peft.PeftModel.from_pretrained(load_model("t5-pico")[0], model)
    asked = tokenizer("Goal: go to the red ball", return_tensors="pt")
    labels = tokenizer("turn left", return_tensors="pt").input_ids
    with torch.no_grad():
        expected, found = (each(**asked, labels=labels).logits for each in (merged.eval(), loaded.eval()))
        plain = load_model("t5-pico")[0](**asked, labels=labels).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found, plain, rtol=1e-4, atol=1e-4)


def test_it_holds_nothing_of_the_training_but_what_acts(model):
    assert {file.name for file in model.iterdir()} == {
        "README.md", "adapter_config.json", "adapter_model.safetensors", "heads.safetensors",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


def test_its_card_has_the_success_of_the_run_told_its_goal_and_another(model, adapted, run_id):
    _, metadata, text = (model / "README.md").read_text("utf-8").split("---\n", 2)
    episodes = last_episodes(adapted, runs_of(adapted))
    own = episodes[episodes["run_id"] == run_id]
    told = yaml.safe_load(metadata)
    assert "trained by acting in BabyAI-Text, a world of text: LoRA adapters" in text
    assert told["library_name"] == "peft" and told["license"] == "unknown"
    values = {
        result["dataset"]["config"]: result["metrics"][0]["value"]
        for result in told["model-index"][0]["results"]
    }
    for condition in ("none", "none~swapped"):
        rate = own.loc[own["shift"] == condition, "success"].mean()
        assert values[f"generalization/{condition}/en"] == pytest.approx(rate)
        goal = "swapped" if "swapped" in condition else "told"
        assert f"| generalization | {condition} | {goal} | en | GoToLocalS5N2 | {100 * rate:.0f}%" in text
    assert "Adapters \\<b\\>& tags\\</b\\>" in text and "What it is not for" in text
    assert 'load_model("t5-pico")' in text and "Made by Us" in text


def test_the_name_on_a_hub_of_what_it_was_trained_from_can_be_given(adapted, run_id, tmp_path):
    options = ("--format", "model", "--run", run_id, "--base", "us/t5-pico", "--license", "mit")
    assert answer("export", adapted, *options, "--to", tmp_path / "out").returncode == 0
    config = yaml.safe_load((tmp_path / "out/adapter_config.json").read_text())
    text = (tmp_path / "out/README.md").read_text()
    assert config["base_model_name_or_path"] == "us/t5-pico"
    assert "base_model: us/t5-pico" in text and 'AutoModelForSeq2SeqLM.from_pretrained("us/t5-pico")' in text


def test_what_is_no_model_of_ours_is_one_line(adapted, run_id, tmp_path):
    def refused(results, *arguments):
        done = answer("export", results, "--format", "model", "--to", tmp_path / "out", *arguments)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "out").exists()
        return done.stderr

    runs = load_results(adapted, "runs")
    walks = runs.loc[runs["agent"] == "random", "run_id"].iloc[0]
    assert "needs --run" in refused(adapted)
    assert f"did you mean '{run_id}'" in refused(adapted, "--run", run_id[:-1])
    assert "left no language model" in refused(adapted, "--run", walks)
    moved = tmp_path / "moved"
    shutil.copytree(adapted, moved, ignore=shutil.ignore_patterns("checkpoints"))
    assert f"holds no checkpoint of {run_id}" in refused(moved, "--run", run_id)
