"""What a model makes of held-out language: perplexity of left-out spans, accuracy on every family.

Nothing here is an action of the world, so an agent can be asked before and after it learned to act.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from glam_eval.core.errors import UserError
from glam_eval.core.records import LanguageRecord
from glam_eval.policies.scoring.t5 import T5_MODELS, T5Engine
from glam_eval.pretraining.answers import TOKENS_PER_BATCH, model_answers
from glam_eval.pretraining.batches import Encoder, Item
from glam_eval.pretraining.loop import held_out_windows, mean_loss
from glam_eval.pretraining.mixture import ANSWERABLE, held_out_examples
from glam_eval.pretraining.real_scenes import TOLD_SIDE, told_side_items
from glam_eval.pretraining.recipe import SpanSettings

SPANS = "span_corruption"


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
    """Return records for span corruption, the told side of real scenes, and each family, in this order.

    Equal models give equal records.

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
    for family in (TOLD_SIDE, *ANSWERABLE):
        asked = told_side_items if family == TOLD_SIDE else partial(held_out_examples, family)
        examples = asked(counts.items)
        answered = zip(model_answers(model, engine, tokenizer, examples), examples, strict=True)
        right = sum(answer == example.target for answer, example in answered)
        chance = sum(1 / len(each.choices) for each in examples if each.choices) / len(examples)
        items = [encoder.instruction(each) for each in examples]
        records.append(record(family, items, right / len(examples), chance))
    return records
