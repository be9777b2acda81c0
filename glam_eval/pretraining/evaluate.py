"""What a model makes of held-out language: perplexity of text, accuracy on every family.

Nothing here is an action of the world, so an agent can be asked before and after it learned to act.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from glam_eval.core.answer_records import LanguageRecord
from glam_eval.core.errors import UserError
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
    if kind in T5_MODELS:
        return _of_t5(model, tokenizer, counts)
    if kind in CAUSAL_MODELS:
        return _of_decoder_only(model, tokenizer, counts)
    raise UserError(f"language is measured of T5 and decoder-only models, not of {kind}")


def _of_t5(model: Any, tokenizer: Any, counts: Counts) -> Iterator[_Measured]:
    engine, encoder = T5Engine(model), Encoder(tokenizer, SpanSettings())

    def measured(objective: str, items: Sequence[Item], accuracy: float, chance: float) -> _Measured:
        tokens, loss = sum(len(item.target) for item in items), mean_loss(engine, items, TOKENS_PER_BATCH)
        return _Measured(objective, len(items), tokens, loss, accuracy, chance)

    yield measured(SPANS, held_out_windows(encoder, counts.windows), math.nan, math.nan)
    for family, examples in _families(counts.items):
        accuracy = _share_right(model_answers(model, engine, tokenizer, examples), examples)
        items = [encoder.instruction(each) for each in examples]
        yield measured(family, items, accuracy, _chance(examples))


def _of_decoder_only(model: Any, tokenizer: Any, counts: Counts) -> Iterator[_Measured]:
    continuations, paragraphs = Continuations(model, tokenizer), english_paragraphs()
    text = continuations.text(paragraphs)
    yield _Measured(NEXT_TOKEN, len(paragraphs), text.tokens, text.loss, math.nan, math.nan)
    for family, examples in _families(counts.items):
        found, asked = continuations.items(examples), [each for each in examples if each.choices]
        accuracy, chance = (_share_right(found.answers, asked), _chance(asked)) if asked else (math.nan, 0.0)
        yield _Measured(family, len(examples), found.tokens, found.loss, accuracy, chance)


def _families(items: int) -> Iterator[tuple[str, list[Example]]]:
    """Yield every family that is asked with so many held-out examples, or all that it has."""
    yield TOLD_SIDE, told_side_items(items)
    for family in ANSWERABLE:
        yield family, held_out_examples(family, items)


def _share_right(answers: Sequence[str], examples: Sequence[Example]) -> float:
    right = sum(answer == each.target for answer, each in zip(answers, examples, strict=True))
    return right / len(examples)


def _chance(examples: Sequence[Example]) -> float:
    """Return the share that a uniform choice gets right; a text that it would have to write, never."""
    return sum(1 / len(each.choices) for each in examples if each.choices) / len(examples)
