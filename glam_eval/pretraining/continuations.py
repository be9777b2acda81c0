"""What a decoder-only model makes of held-out language: how well it foresees texts and answers, as it reads.

The English texts, ``english.txt``, were written for this measure: no model was trained on them.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import torch

from glam_eval.policies.scoring.scores import make_scorer
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.policies.scoring.tree import Actions
from glam_eval.pretraining.examples import Example


class Foreseen(NamedTuple):
    """What was asked and how well it was foreseen."""

    tokens: int
    loss: float  # of all tokens, nats
    answers: list[str]  # the likeliest choice of each item that has some, by the mean of its tokens


class Continuations:
    """Scores how a decoder-only model continues texts.

    Args:
        model: a decoder-only model with its weights.
        tokenizer: its tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._scorer = make_scorer(model, "sum")
        self._tokenizer = CachedTokenizer(tokenizer, joint=True)

    def text(self, paragraphs: Sequence[str]) -> Foreseen:
        """Return the loss of every token of paragraphs but each one's first."""
        ids = [self._tokenizer.encode_prompt(each) for each in paragraphs]
        rest = [Actions(tokens=(tuple(each[1:].tolist()),), words=(1,)) for each in ids]
        with torch.no_grad():
            scores, _ = self._scorer.run([each[:1] for each in ids], rest)
        tokens = sum(len(each.tokens[0]) for each in rest)
        return Foreseen(tokens, -float(scores.double().sum()) / tokens, [])

    def items(self, examples: Sequence[Example]) -> Foreseen:
        """Return the loss of items' targets after their sources, and the choices."""
        offered = [each.choices or (each.target,) for each in examples]
        pairs = zip(examples, offered, strict=True)
        prompts, actions = zip(
            *(self._tokenizer.encode_choice(f"{each.source} ", given) for each, given in pairs), strict=True
        )
        with torch.no_grad():
            scores, _ = self._scorer.run(prompts, actions)
        total, tokens, answers = 0.0, 0, []
        for row, each, given, cut in zip(scores.tolist(), examples, offered, actions, strict=True):
            lengths, target = [len(ids) for ids in cut.tokens], given.index(each.target)
            total, tokens = total - row[target], tokens + lengths[target]
            means = [score / length for score, length in zip(row, lengths, strict=False)]
            answers += [given[means.index(max(means))]] if each.choices else []
        return Foreseen(tokens, total / tokens, answers)


def english_paragraphs() -> list[str]:
    """Return the paragraphs of English prose."""
    return files("glam_eval.pretraining").joinpath("english.txt").read_text(encoding="utf-8").splitlines()
