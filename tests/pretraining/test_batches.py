"""Batches depend on seed and step alone; the loss is plain teacher forcing's."""

import numpy as np
import pytest
import torch

from glam_eval.core.errors import UserError
from glam_eval.policies.models.loading import new_embedded
from glam_eval.policies.scoring.t5 import T5Engine
from glam_eval.pretraining.batches import Batches, Encoder, Item, micro_batches
from glam_eval.pretraining.curriculum import CURRICULUM, WIDEST
from glam_eval.pretraining.loop import mean_loss, target_losses
from glam_eval.pretraining.mixture import training_examples, training_sentences
from glam_eval.pretraining.recipe import Recipe, load_recipe, recipes

MODEL, TOKENIZER = new_embedded("t5-pico", 0)


def recipe(**values):
    defaults = {"stage_tokens": 2000, "instruction_tokens": 4000, "learning_rate": 1e-3}
    return Recipe(model="t5-pico", **{**defaults, "batch_tokens": 1000, **values})


STAGES = (*CURRICULUM, WIDEST)
LAST = len(CURRICULUM)


def batches(examples=training_examples, **values):
    return Batches(recipe(**values), TOKENIZER, STAGES, examples, training_sentences)


def flat(batch):
    return [(item.source.tolist(), item.target.tolist()) for item in batch]


def test_a_batch_depends_on_seed_stage_and_step_whatever_came_before():
    straight, jumping = batches(), batches()
    asked = [(1, 0), (2, 0), (5, 1), (33, LAST), (40, LAST), (40, 1)]
    expected = {each: flat(straight.batch(*each)) for each in asked}
    for each in (asked[4], asked[5], asked[2], asked[3], asked[0], asked[1]):
        assert flat(jumping.batch(*each)) == expected[each]
    assert len({str(batch) for batch in expected.values()}) == len(asked)
    assert flat(batches(seed=1).batch(1, 0)) != expected[1, 0]


@pytest.mark.thorough
def test_spans_and_their_share():
    made, marks = batches(span_share=0.25), set(Encoder(TOKENIZER, recipe().spans)._marks)

    def tokens(batch, of_spans):
        return sum(item.tokens for item in batch if (item.target[0] in marks) == of_spans)

    for stage in range(LAST):
        batch = made.batch(1, stage)
        assert tokens(batch, True) == 0 and 1000 <= tokens(batch, False) < 1300
    for step in (3, 4, 5):
        batch = made.batch(step, LAST)
        assert 250 <= tokens(batch, True) < 450 and 1000 <= sum(item.tokens for item in batch) < 1512
    assert all(item.target[-1] == TOKENIZER.eos_token_id for item in made.batch(3, LAST))
    assert all(TOKENIZER.eos_token_id not in item.source for item in made.batch(3, LAST))
    assert not any(item.tokens > 40 for item in batches(longest=40).batch(3, LAST))
    plain = batches(examples=None).batch(1, LAST)
    assert tokens(plain, False) == 0 and tokens(plain, True) >= 1000


def test_micro_batches_hold_every_item_once():
    generator = np.random.default_rng(0)
    items = [Item(np.arange(s), np.arange(t)) for s, t in generator.integers(1, 60, (50, 2))]
    parts = list(micro_batches(items, 300))
    assert sorted(id(item) for part in parts for item in part) == sorted(map(id, items))
    for part in parts:
        longest = max(len(item.target) for item in part)
        assert sum(len(item.source) + longest for item in part) <= 300
        assert [len(item.source) for item in part] == sorted(len(item.source) for item in part)


def plain_loss(item):
    """The mean loss of one item by the Hugging Face model, without batch, engine or padding."""
    with torch.no_grad():
        return MODEL(
            input_ids=torch.tensor(item.source[None].astype(np.int64)),
            labels=torch.tensor(item.target[None].astype(np.int64)),
        ).loss


def test_losses_and_gradients_are_plain_teacher_forcings():
    items = batches().batch(1, 0)[:4] + batches().batch(3, LAST)[:9]
    parts = [target_losses(T5Engine(MODEL), part) for part in micro_batches(items, 400)]
    ordered = [item for part in micro_batches(items, 400) for item in part]
    ours = torch.cat([losses for losses, _ in parts]).split([len(item.target) for item in ordered])
    for item, losses in zip(ordered, ours, strict=True):
        torch.testing.assert_close(losses.mean(), plain_loss(item), rtol=1e-4, atol=1e-5)
    lengths = torch.cat([lengths for _, lengths in parts]).tolist()
    assert lengths == [len(item.target) for item in ordered for _ in item.target]
    expected = sum(float(plain_loss(item)) * len(item.target) for item in items)
    count = sum(len(item.target) for item in items)
    assert mean_loss(T5Engine(MODEL), items, 400) == pytest.approx(expected / count, rel=1e-4)
    sum(losses.sum() for losses, _ in parts).backward()
    ours_gradient = MODEL.encoder.block[0].layer[0].SelfAttention.q.weight.grad.clone()
    MODEL.zero_grad()
    for item in items:
        loss = MODEL(
            input_ids=torch.tensor(item.source[None].astype(np.int64)),
            labels=torch.tensor(item.target[None].astype(np.int64)),
        ).loss
        (loss * len(item.target)).backward()
    theirs = MODEL.encoder.block[0].layer[0].SelfAttention.q.weight.grad
    torch.testing.assert_close(ours_gradient, theirs, rtol=1e-3, atol=1e-4)
    MODEL.zero_grad()


def test_recipes_ship_for_every_rung_and_their_schedule_rises_then_falls():
    assert recipes() == ["t5-micro", "t5-mini", "t5-nano", "t5-pico"]
    for name in recipes():
        made = load_recipe(name, seed=3)
        assert made.model == name and made.seed == 3
        curriculum = [made.learning_rate_at(step) for step in range(1, 500)]
        assert curriculum == sorted(curriculum) and curriculum[-1] == made.learning_rate
        full = [
            made.learning_rate_at(1000, step / made.full_steps()) for step in range(made.full_steps() + 1)
        ]
        assert full == sorted(full, reverse=True) and full[0] == made.learning_rate
        assert full[-1] == pytest.approx(made.learning_rate * made.final_learning_rate)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("t5-nanno", [], "unknown rung of the ladder 't5-nanno': did you mean 't5-nano'"),
        ("t5-nano", ["learning_rat=1"], "unknown key 'learning_rat': did you mean 'learning_rate'"),
        ("t5-nano", ["spans.share=2"], "recipe of t5-nano: spans.share = 2"),
        ("t5-nano", ["batch_tokens=100"], "longest 512 is more than batch_tokens 100"),
    ],
)
def test_wrong_recipes_are_one_line(name, overrides, message):
    with pytest.raises(UserError, match=message):
        load_recipe(name, overrides)
