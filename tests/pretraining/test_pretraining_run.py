"""A pretraining is a function of its recipe: straight, repeated, interrupted or killed."""

import math
import multiprocessing
import os
import signal
import time

import pandas as pd
import pytest
import torch

from glam_eval.core.console import Console
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.policies import load_model
from glam_eval.pretraining import batches, loop
from glam_eval.pretraining.curriculum import CURRICULUM, WIDEST
from glam_eval.pretraining.mixture import GROUPS
from glam_eval.pretraining.recipe import Recipe, load_recipe
from glam_eval.pretraining.session import last_checkpoint, pretrain
from glam_eval.pretraining.spans import sentinels
from glam_eval.training.checkpoints import CheckpointStore

QUIET = Console(quiet=True)
TINY = {
    "model": "t5-pico",
    "stage_tokens": 3000,
    "gate": 1.0,
    "gate_items": 5,
    "instruction_tokens": 5000,
    "batch_tokens": 1000,
    "learning_rate": 5e-3,
    "record_steps": 2,
    "held_out": 2,
    "held_out_windows": 4,
}


@pytest.fixture(autouse=True)
def _few_families(monkeypatch):
    monkeypatch.setattr(loop, "FAMILIES", dict(list(loop.FAMILIES.items())[:2]))
    monkeypatch.setattr(batches, "BLOCK_STEPS", 3)
    monkeypatch.setattr(loop, "stages_of", lambda _: (CURRICULUM[0], WIDEST))
    monkeypatch.setattr("glam_eval.pretraining.session.language_scores", lambda *_, **__: [])
    monkeypatch.setattr("glam_eval.pretraining.session.torch.set_num_threads", lambda _: None)


def tiny(**values):
    return Recipe(**{**TINY, **values})


def finish(run):
    records = []
    while not run.finished:
        records.append(run.advance())
    return records


def weights(run):
    return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])


def numbers(records):
    table = pd.DataFrame([{s: getattr(r, s) for s in r.__slots__} for r in records])
    return table.drop(columns="seconds")


def test_equal_recipes_are_equal_bit_for_bit_and_other_seeds_are_not():
    first, second, other = (loop.Pretraining(tiny(seed=seed)) for seed in (0, 0, 1))
    records = [finish(run) for run in (first, second, other)]
    pd.testing.assert_frame_equal(numbers(records[0]), numbers(records[1]), check_exact=True)
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))
    assert [record.step for record in records[0]] == [2, 3, 4, 6, 8]
    assert [record.stage for record in records[0]] == ["one kind of fact"] * 2 + ["everything"] * 3
    assert records[0][-1].held_out_instructions < records[0][0].held_out_instructions
    assert first.tokens == records[0][-1].tokens >= 8000


def test_a_stage_is_left_as_soon_as_it_is_learned(monkeypatch):
    answers = {CURRICULUM[0].name: [0.5, 0.97], WIDEST.name: [0.1] * 9}
    run = loop.Pretraining(tiny(gate=0.9, stage_tokens=50_000))
    monkeypatch.setattr(run, "_accuracy", lambda: answers[run.stages[run.stage].name].pop(0))
    assert run.most_steps == 50 + 5
    records = finish(run)
    assert [(record.step, record.stage) for record in records[:3]] == [
        (2, "one kind of fact"),
        (4, "one kind of fact"),
        (6, "everything"),
    ]
    assert records[-1].step == run.most_steps == 4 + 5
    rates = [record.learning_rate for record in records]
    assert rates[-1] < rates[2] and records[1].stage_accuracy == 0.97


def test_the_mixture_is_prolonged_so_that_pretrainings_of_other_stages_are_as_long(monkeypatch):
    ends = []
    for answers in ([0.97], [0.5, 0.97]):
        run = loop.Pretraining(tiny(gate=0.9, stage_tokens=4000, least_tokens=12_000))
        told = iter(answers)
        monkeypatch.setattr(
            run, "_accuracy", lambda run=run, told=told: math.nan if run._last_stage else next(told)
        )
        records = finish(run)
        ends.append((records[-1].step, records[-1].learning_rate))
        assert records[-1].step == run.most_steps
    assert ends[0] == ends[1] and ends[0][0] == 12
    assert finish(loop.Pretraining(tiny(least_tokens=1000)))[-1].step == 8  # never shortened


def test_without_every_group_of_families_plain_text_remains():
    run = loop.Pretraining(tiny(without=tuple(GROUPS), instruction_tokens=2000))
    marks = set(sentinels(run.tokenizer))
    assert all(int(item.target[0]) in marks for item in run._batches.batch(1, 0))
    assert all(math.isnan(record.stage_accuracy) for record in finish(run))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_looking_up_is_learned_from_facts_within_a_few_minutes(monkeypatch):
    monkeypatch.setattr(loop, "stages_of", lambda _: (*CURRICULUM[:2], WIDEST))
    run = loop.Pretraining(load_recipe("t5-nano", ["held_out=1", "held_out_windows=2"]))
    while run.stage < 2:
        record = run.advance()
    assert record.stage_accuracy >= 0.95 and record.tokens < 6_000_000


def test_a_resumed_pretraining_equals_a_straight_one(tmp_path):
    straight, begun = loop.Pretraining(tiny()), loop.Pretraining(tiny())
    expected = finish(straight)
    first = [begun.advance()]
    store = CheckpointStore(tmp_path, counted="step")
    store.write(begun.step, begun.save, begun.state())
    resumed = loop.Pretraining(tiny(), resume=store.latest())
    assert resumed.step == 2 and resumed.tokens == begun.tokens
    pd.testing.assert_frame_equal(numbers(expected), numbers(first + finish(resumed)), check_exact=True)
    assert torch.equal(weights(straight), weights(resumed))
    for recipe, texts, message in (
        (tiny(seed=1), (), "another recipe or seed"),
        (tiny(), ("A text.",), "other texts"),
    ):
        with pytest.raises(UserError, match=message):
            loop.Pretraining(recipe, texts, resume=store.latest())


def _pretrain(out):
    pretrain(tiny(), out, (), "cpu", 1, QUIET)


def test_a_killed_pretraining_goes_on_where_it_was(tmp_path):
    _pretrain(tmp_path / "straight")
    process = multiprocessing.get_context("fork").Process(target=_pretrain, args=(tmp_path / "killed",))
    process.start()
    while process.is_alive() and not list((tmp_path / "killed").glob("checkpoints/step-*")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    _pretrain(tmp_path / "killed")
    ends = [last_checkpoint(tmp_path / name) for name in ("straight", "killed")]
    models = [(end.directory / "model.safetensors").read_bytes() for end in ends]
    assert ends[0].frames == 8 and models[0] == models[1]
    assert (tmp_path / "killed" / "model.safetensors").read_bytes() == models[0]
    load_model(tmp_path / "killed")  # what it leaves is a model for any command
    tables = [pd.read_parquet(tmp_path / name / "pretraining") for name in ("straight", "killed")]
    pd.testing.assert_frame_equal(*(table.drop(columns="seconds") for table in tables))


def test_words_that_never_occur_keep_the_embedding_they_were_drawn_with():
    run = loop.Pretraining(tiny())
    before = run.model.shared.weight.detach().clone()
    finish(run)
    unused = run.tokenizer.convert_tokens_to_ids("<0x00>")
    changed = (run.model.shared.weight != before).any(1)
    assert not changed[unused] and changed.any()


def test_a_loss_that_is_not_finite_ends_it():
    run = loop.Pretraining(tiny())
    with torch.no_grad():
        run.model.lm_head.weight.fill_(torch.inf)
    with pytest.raises(RunFailedError, match="not finite in step 1: lower learning_rate"):
        run.advance()


def test_a_directory_without_a_pretraining_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no pretraining"):
        last_checkpoint(tmp_path)
