"""Killed at instants of chance and started again, a study of any agent stores what an unbroken one does."""

import json
import random
import shutil
import time

import pytest
import torch
from killable import LONGEST, start
from program import assert_same_results
from tiny_learners import LEARNERS
from tiny_models import byte_level_tokenizer, causal

from glam_eval.config.agents import describe_agent
from glam_eval.config.loading import make_suite
from glam_eval.execution.study import write_suite


def begin(suite, out):
    out.mkdir(exist_ok=True)
    write_suite(out, suite)
    return start(out)


def finish(suite, out):
    process = begin(suite, out)
    process.join(LONGEST)
    assert process.exitcode == 0


def newest(out, run_id):
    return max((out / "checkpoints" / run_id).glob("frames-*"))


def checksums(checkpoint):
    """Of every file of weights and settings, by name.

    Pickles of equal values may differ in which objects they share, and transformers notes in a tokenizer's
    configuration whether it was read from a directory.
    """
    sums = json.loads((checkpoint / "checkpoint.json").read_text())["sha256"]
    return {
        name: value for name, value in sums.items() if not name.endswith((".pt", "tokenizer_config.json"))
    }


def assert_same_studies(suite, one, two, besides=""):
    """All tables, weights, and optimiser, memory and replay are equal to the last bit."""
    assert_same_results(one, two, besides)
    for run in (each for each in suite.runs() if describe_agent(each.agent).learns):
        first, second = newest(one, run.run_id), newest(two, run.run_id)
        assert first.name == second.name
        assert checksums(first) == checksums(second)
        pickled = {file.name for file in first.glob("*.pt")}
        assert pickled == {file.name for file in second.glob("*.pt")}
        for name in pickled:
            states = [torch.load(directory / name, weights_only=True) for directory in (first, second)]
            torch.testing.assert_close(*states, rtol=0, atol=0)


FEW, MANY = 3, 20


def study_of(agent, threads, protocols=({"name": "sample-efficiency", "scenes": 3},), **values):
    """A suite of one agent's run and all that it needs: for a clone its teacher's and the demonstrations.

    Further values are of the agent's own entry.
    """
    described = describe_agent(agent)
    kinds = {"gflan": "ppo", "drrn": "q_learning", "bc-bot": "cloning"}
    groups = {kind: LEARNERS[name] for name, kind in kinds.items()}
    entry = {"agent": agent, **({"model": "t5-pico"} if described.uses_model else {})}
    if agent == "symbolic-ppo":
        entry["ppo"] = LEARNERS[agent]
    entry |= values
    return make_suite(
        {
            "name": "killed",
            "title": "Killed",
            "question": "Is anything lost?",
            "seeds": 1,
            "frames": 240,
            "evaluations": 3,
            "threads": threads,
            "environment": {"level": "GoToLocalS5N2", "remembered": 1},
            "policy": {"head_hidden": 8},
            **groups,
            "cloning": {**groups["cloning"], "environments": 4, "transitions": 100},
            "agents": [entry],
            "protocols": list(protocols),
        }
    )


@pytest.mark.parametrize(
    ("agent", "threads", "kills"),
    [
        # with it its teacher, and the demonstrations between them
        pytest.param("bc-gflan", 1, FEW, marks=pytest.mark.thorough),
        pytest.param("gflan", 2, MANY, marks=pytest.mark.slow),
        *(pytest.param(agent, 1, MANY, marks=pytest.mark.slow) for agent in LEARNERS),
    ],
)
def test_killed_at_any_instant_and_resumed_equals_uninterrupted(agent, threads, kills, tmp_path):
    assert_kills_change_nothing(study_of(agent, threads), kills, tmp_path)


@pytest.mark.thorough
def test_adapters_of_a_decoder_only_model_in_bfloat16_are_resumed_to_the_bit(tmp_path):
    """What a real model is trained as on two cores: frozen weights are cast once, and never stored."""
    model, tokenizer = tmp_path / "model", byte_level_tokenizer()
    causal("llama", len(tokenizer)).save_pretrained(model)
    tokenizer.save_pretrained(model)
    adapted = {"head_hidden": 8, "lora": {"rank": 2, "alpha": 4}, "precision": "bfloat16"}
    assert_kills_change_nothing(study_of("gflan", 2, model=str(model), policy=adapted), FEW, tmp_path)


def assert_kills_change_nothing(suite, kills, tmp_path):
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    began = time.perf_counter()
    finish(suite, straight)
    lasted = time.perf_counter() - began
    chance = random.Random(f"{suite.agents[0].agent} {kills}")
    while kills:
        process = begin(suite, killed)
        process.join(chance.uniform(0.0, 0.7 * lasted))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills -= 1
        else:  # it was faster: it must be right, and another one is begun
            assert process.exitcode == 0
            assert_same_studies(suite, straight, killed)
            shutil.rmtree(killed)
    finish(suite, killed)
    assert_same_studies(suite, straight, killed)
