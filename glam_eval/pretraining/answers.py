"""What a model answers: the likeliest of an item's choices, or what it writes where there are none."""

from collections.abc import Sequence
from typing import Any

import torch

from glam_eval.policies.scoring.packing import batches
from glam_eval.policies.scoring.scores import Scorer
from glam_eval.policies.scoring.t5 import T5Engine
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.pretraining.examples import Example

TOKENS_PER_BATCH = 8192


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
