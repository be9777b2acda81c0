"""What a model makes of held-out language: perplexity of text, accuracy on every family.

Nothing here is an action of the world, so an agent can be asked before and after it learned to act.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from glam_eval.core.errors import UserError
from glam_eval.core.records import LanguageRecord
from glam_eval.policies.scoring.families import CAUSAL_MODELS
from glam_eval.policies.scoring.t5 import T5_MODELS, T5Engine
from glam_eval.pretraining.answers import TOKENS_PER_BATCH, model_answers
from glam_eval.pretraining.batches import Encoder, Item
from glam_eval.pretraining.continuations import Continuations, english_paragraphs
from glam_eval.pretraining.examples import Example
from glam_eval.pretraining.loop import held_out_windows, mean_loss
from glam_eval.pretraining.mixture import ANSWERABLE, held_out_examples
from glam_eval.pretraining.real_scenes import TOLD_SIDE, told_side_items
from glam_eval.pretraining.recipe import SpanSettings

SPANS, NEXT_TOKEN = "span_corruption", "next_token"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is asked."""

    items: int = 200  # of each family
    windows: int = 200  # of held-out text; a decoder-only model reads all of its prose


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
    """Return records for held-out text, the told side of real scenes, and each family, in this order.

    Text is a T5's span corruption, and a decoder-only model's next tokens of English prose; the latter
    chooses answers where there are choices, and else writes none. Equal models give equal records.

    Args:
        model: a T5 or a decoder-only model with its weights.
        tokenizer: its tokenizer.
        counts: how many held-out items are asked.
        run_id: names the agent, the model where there is none.
        name: the model's name.
        seed: of the agent's run.
        frames: what the agent had been trained for.

    Raises:
        UserError: if the model is of another kind.
    """
    counts = counts or Counts()
    who = {"run_id": run_id or name, "model": name, "seed": seed, "frames": frames}
    return [LanguageRecord(**who, **each._asdict()) for each in _measured(model, tokenizer, counts)]  # type: ignore[arg-type]


class _Measured(NamedTuple):
    """What a record says of one objective."""

    objective: str
    items: int
    tokens: int
    loss: float
    accuracy: float
    chance: float


def _measured(model: Any, tokenizer: Any, counts: Counts) -> Iterator[_Measured]:
    kind = model.config.model_type
    if kind not in T5_MODELS | CAUSAL_MODELS:
        raise UserError(f"language is measured of T5 and decoder-only models, not of {kind}")
    if kind in T5_MODELS:
        engine, encoder = T5Engine(model), Encoder(tokenizer, SpanSettings())
        yield _by_t5(engine, SPANS, held_out_windows(encoder, counts.windows), math.nan, math.nan)
    else:
        continuations, paragraphs = Continuations(model, tokenizer), english_paragraphs()
        text = continuations.text(paragraphs)
        yield _Measured(NEXT_TOKEN, len(paragraphs), text.tokens, text.loss, math.nan, math.nan)
    for family in (TOLD_SIDE, *ANSWERABLE):
        asked = told_side_items if family == TOLD_SIDE else partial(held_out_examples, family)
        examples = asked(counts.items)
        chance = sum(1 / len(each.choices) for each in examples if each.choices) / len(examples)
        if kind in T5_MODELS:
            answers = model_answers(model, engine, tokenizer, examples)
            items = [encoder.instruction(each) for each in examples]
            yield _by_t5(engine, family, items, _share(answers, examples), chance)
        else:
            found, chosen = continuations.items(examples), [each for each in examples if each.choices]
            accuracy = _share(found.answers, chosen) if chosen else math.nan
            yield _Measured(family, len(examples), found.tokens, found.loss, accuracy, chance)


def _share(answers: Sequence[str], examples: Sequence[Example]) -> float:
    """Return how many answers are right, as a share."""
    right = sum(answer == each.target for answer, each in zip(answers, examples, strict=True))
    return right / len(examples)


def _by_t5(
    engine: T5Engine, objective: str, items: Sequence[Item], accuracy: float, chance: float
) -> _Measured:
    tokens = sum(len(item.target) for item in items)
    return _Measured(
        objective, len(items), tokens, mean_loss(engine, items, TOKENS_PER_BATCH), accuracy, chance
    )
