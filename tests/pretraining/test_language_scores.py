"""Language scores against plain Hugging Face, item by item."""

import math

import numpy as np
import pytest
import torch
from transformers import BartConfig, BartForConditionalGeneration, GPT2Config, GPT2LMHeadModel

from glam_eval.core.errors import UserError
from glam_eval.policies.models.loading import new_embedded
from glam_eval.policies.scoring.t5 import T5Engine
from glam_eval.pretraining import evaluate
from glam_eval.pretraining.answers import choose_answers, model_answers, write_answers
from glam_eval.pretraining.continuations import english_paragraphs
from glam_eval.pretraining.evaluate import NEXT_TOKEN, SPANS, Counts, language_scores
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.mixture import ANSWERABLE, held_out_examples
from glam_eval.pretraining.real_scenes import TOLD_SIDE

MODEL, TOKENIZER = new_embedded("t5-pico", 4)
ITEMS = [
    Example("colour", "Which word is a colour: red or key?", "red", choices=("red", "key")),
    Example("colour", "Which word is a colour: ball or blue?", "blue", choices=("ball", "blue")),
    Example("side", "The ball is 2 steps left. Where is it?", "left", choices=("left", "left and forward")),
    Example("copy", "Say: a red ball", "a red ball"),
    Example("copy", "Say again: two green keys and a box", "two green keys and a box"),
]


def plain_score(source, target):
    """The log-probability of a target with </s> after a source without, by the plain model."""
    ids = torch.tensor([TOKENIZER(source, add_special_tokens=False)["input_ids"]])
    labels = torch.tensor([TOKENIZER(target)["input_ids"]])
    with torch.no_grad():
        return -float(MODEL(input_ids=ids, labels=labels).loss) * labels.shape[1]


def plain_text(source, longest):
    ids = torch.tensor([TOKENIZER(source, add_special_tokens=False)["input_ids"]])
    written = [0]
    with torch.no_grad():
        while len(written) <= longest:
            logits = MODEL(input_ids=ids, decoder_input_ids=torch.tensor([written])).logits
            written.append(int(logits[0, -1].argmax()))
            if written[-1] == TOKENIZER.eos_token_id:
                break
    return TOKENIZER.decode(written, skip_special_tokens=True).strip()


def test_choices_are_the_likeliest_with_their_end():
    chosen = choose_answers(MODEL, T5Engine(MODEL), TOKENIZER, ITEMS[:3])
    for item, choice in zip(ITEMS, chosen, strict=False):
        assert choice == max(item.choices, key=lambda text: plain_score(item.source, text))


def test_free_text_is_what_the_model_writes_greedily():
    longest = max(len(TOKENIZER(item.target)["input_ids"]) for item in ITEMS[3:])
    assert write_answers(MODEL, TOKENIZER, ITEMS[3:]) == [
        plain_text(item.source, longest) for item in ITEMS[3:]
    ]
    mixed = [ITEMS[3], ITEMS[0], ITEMS[4], ITEMS[2]]
    engine = T5Engine(MODEL)
    chosen = choose_answers(MODEL, engine, TOKENIZER, mixed[1::2])
    written = write_answers(MODEL, TOKENIZER, mixed[::2])
    assert model_answers(MODEL, engine, TOKENIZER, mixed) == [written[0], chosen[0], written[1], chosen[1]]


def test_scores_count_what_is_answered_rightly(monkeypatch):
    monkeypatch.setattr(evaluate, "ANSWERABLE", ["all"])
    monkeypatch.setattr(evaluate, "held_out_examples", lambda _, count: ITEMS[:count])
    truth = [item.target for item in ITEMS]
    monkeypatch.setattr(
        evaluate, "model_answers", lambda *_: [truth[0], "key", truth[2], truth[3], "nothing"]
    )
    monkeypatch.setattr(evaluate, "told_side_items", lambda count: ITEMS[:count])
    spans, told_side, scores = language_scores(
        MODEL, TOKENIZER, Counts(items=5, windows=3), name="mine", seed=2
    )
    assert (told_side.objective, told_side.accuracy) == (TOLD_SIDE, scores.accuracy)
    assert (spans.objective, spans.items, spans.run_id, spans.seed) == (SPANS, 3, "mine", 2)
    assert math.isnan(spans.accuracy) and spans.loss > 0
    assert scores.accuracy == pytest.approx(3 / 5)
    assert scores.chance == pytest.approx((1 / 2 + 1 / 2 + 1 / 2 + 0 + 0) / 5)
    assert scores.tokens == sum(len(TOKENIZER(item.target)["input_ids"]) for item in ITEMS)
    expected = -sum(plain_score(item.source, item.target) for item in ITEMS) / scores.tokens
    assert scores.loss == pytest.approx(expected, rel=1e-4)


def test_every_family_is_asked_and_equal_models_score_equally(monkeypatch):
    few = ANSWERABLE[:3]
    monkeypatch.setattr(evaluate, "ANSWERABLE", few)
    counts = Counts(items=8, windows=2)
    records = language_scores(MODEL, TOKENIZER, counts, run_id="a-run", frames=7)
    assert [record.objective for record in records] == [SPANS, TOLD_SIDE, *few]
    for record in records[2:]:
        assert record.items == len(held_out_examples(record.objective, 8)) and record.frames == 7
        assert 0 <= record.accuracy <= 1
    again = language_scores(*new_embedded("t5-pico", 4), counts, run_id="a-run", frames=7)
    assert str(again) == str(records)


def test_decoder_only_models_are_held_to_a_plain_loop(monkeypatch):
    """Loss of English prose and of answers, and choices by the mean of their tokens, text by text."""
    monkeypatch.setattr(evaluate, "ANSWERABLE", ["all"])
    monkeypatch.setattr(evaluate, "held_out_examples", lambda _, count: ITEMS[:count])
    monkeypatch.setattr(evaluate, "told_side_items", lambda count: ITEMS[3:])
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=len(TOKENIZER), n_embd=16, n_layer=2, n_head=2, initializer_range=0.2)
    model = GPT2LMHeadModel(config).eval()

    def losses(text, given=""):
        ids = TOKENIZER(given + text, add_special_tokens=False)["input_ids"]
        known = len(TOKENIZER(given, add_special_tokens=False)["input_ids"]) if given else 1
        with torch.no_grad():
            logs = model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        return [-float(logs[place - 1, ids[place]]) for place in range(known, len(ids))]

    prose, free, items = language_scores(model, TOKENIZER, Counts(items=5), name="mine")
    expected = [loss for paragraph in english_paragraphs() for loss in losses(paragraph)]
    assert (prose.objective, prose.items, prose.tokens) == (NEXT_TOKEN, 20, len(expected))
    assert prose.loss == pytest.approx(sum(expected) / len(expected), rel=1e-5)
    assert math.isnan(free.accuracy) and (free.chance, free.items) == (0, 2)
    answers = [losses(item.target, f"{item.source} ") for item in ITEMS]
    assert items.tokens == sum(map(len, answers))
    assert items.loss == pytest.approx(sum(map(sum, answers)) / items.tokens, rel=1e-5)
    means = [{text: np.mean(losses(text, f"{each.source} ")) for text in each.choices} for each in ITEMS[:3]]
    right = [min(mean, key=mean.get) == item.target for mean, item in zip(means, ITEMS, strict=False)]
    assert items.accuracy == pytest.approx(np.mean(right))


def test_models_of_another_kind_are_one_line():
    sizes = {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 1}
    model = BartForConditionalGeneration(BartConfig(vocab_size=20, decoder_attention_heads=1, **sizes))
    with pytest.raises(UserError, match="T5 and decoder-only models, not of bart"):
        language_scores(model, TOKENIZER)
