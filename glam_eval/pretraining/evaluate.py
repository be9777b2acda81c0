"""What a model makes of held-out language: perplexity of left-out spans, accuracy on every family.

Nothing here is an action of the world, so an agent can be asked before and after it learned to act.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from glam_eval.core.errors import UserError
from glam_eval.core.records import LanguageRecord
from glam_eval.policies.scoring.packing import batches
from glam_eval.policies.scoring.scores import Scorer
from glam_eval.policies.scoring.t5 import T5_MODELS, T5Engine
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.pretraining.batches import Encoder, Item
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.loop import held_out_windows, mean_loss
from glam_eval.pretraining.mixture import ANSWERABLE, held_out_examples
from glam_eval.pretraining.recipe import SpanSettings

SPANS = "span_corruption"
TOKENS_PER_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is asked."""

    items: int = 200  # of each family
    windows: int = 200  # of held-out text


def language_scores(
    model: Any,
    tokenizer: Any,
    counts: Counts | None = None,
    *,
    run_id: str = "",
    name: str = "",
    seed: int = 0,
    frames: int = 0,
) -> list[LanguageRecord]:
    """Return one record for span corruption and one for each family; equal models give equal records.

    Args:
        model: a T5 with its weights.
        tokenizer: its tokenizer.
        counts: how many held-out items are asked.
        run_id: names the agent, the model where there is none.
        name: the model's name.
        seed: of the agent's run.
        frames: what the agent had been trained for.

    Raises:
        UserError: if the model is no T5.
    """
    if model.config.model_type not in T5_MODELS:
        raise UserError(f"language is measured of T5 models alone, not of {model.config.model_type}")
    counts = counts or Counts()
    engine, encoder = T5Engine(model), Encoder(tokenizer, SpanSettings())
    who = {"run_id": run_id or name, "model": name, "seed": seed, "frames": frames}

    def record(objective: str, items: Sequence[Item], accuracy: float, chance: float) -> LanguageRecord:
        return LanguageRecord(
            **who,  # type: ignore[arg-type]
            objective=objective,
            items=len(items),
            tokens=sum(len(item.target) for item in items),
            loss=mean_loss(engine, items, TOKENS_PER_BATCH),
            accuracy=accuracy,
            chance=chance,
        )

    records = [record(SPANS, held_out_windows(encoder, counts.windows), math.nan, math.nan)]
    for family in ANSWERABLE:
        examples = held_out_examples(family, counts.items)
        answered = zip(model_answers(model, engine, tokenizer, examples), examples, strict=True)
        right = sum(answer == example.target for answer, example in answered)
        chance = sum(1 / len(each.choices) for each in examples if each.choices) / len(examples)
        items = [encoder.instruction(each) for each in examples]
        records.append(record(family, items, right / len(examples), chance))
    return records


def model_answers(model: Any, engine: T5Engine, tokenizer: Any, examples: Sequence[Example]) -> list[str]:
    """Return a model's answers: chosen where an example has choices, written where it has none."""
    chosen = iter(choose_answers(model, engine, tokenizer, [each for each in examples if each.choices]))
    written = iter(write_answers(model, tokenizer, [each for each in examples if not each.choices]))
    return [next(chosen) if each.choices else next(written) for each in examples]


def choose_answers(model: Any, engine: T5Engine, tokenizer: Any, examples: Sequence[Example]) -> list[str]:
    """Return the likeliest of each example's choices, by summed log-probability with ``</s>``."""
    if not examples:
        return []
    cached = CachedTokenizer(tokenizer)
    with torch.no_grad():
        scores, _ = Scorer(model, engine, "sum").run(
            [cached.encode_prompt(example.source) for example in examples],
            [cached.encode_actions(example.choices, end_of_sequence=True) for example in examples],
        )
    best = scores.argmax(dim=1).tolist()
    return [example.choices[index] for example, index in zip(examples, best, strict=True)]


def write_answers(model: Any, tokenizer: Any, examples: Sequence[Example]) -> list[str]:
    """Return the text that the model writes greedily after each example's source."""
    if not examples:
        return []
    cached = CachedTokenizer(tokenizer)
    prompts = [cached.encode_prompt(example.source) for example in examples]
    longest = max(len(cached.encode(example.target)) for example in examples) + 1
    written = [""] * len(examples)
    for batch in batches([len(prompt) for prompt in prompts], TOKENS_PER_BATCH):
        width = len(prompts[batch[-1]])
        ids = torch.zeros((len(batch), width), dtype=torch.int64)
        for row, index in enumerate(batch):
            ids[row, : len(prompts[index])] = torch.from_numpy(prompts[index])
        real = torch.arange(width) < torch.tensor([[len(prompts[index])] for index in batch])
        ids = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=real.long().to(model.device),
            max_new_tokens=longest,
            do_sample=False,
            num_beams=1,
        )
        texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
        for index, text in zip(batch, texts, strict=True):
            written[index] = text.strip()
    return written
