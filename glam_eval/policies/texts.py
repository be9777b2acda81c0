"""Texts scored by the language model behind a policy, whatever the policy makes of it to choose actions."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch

from glam_eval.policies.language_model import LanguageModelPolicy
from glam_eval.policies.scoring.chat import ChatTemplate
from glam_eval.policies.scoring.packing import Prompt
from glam_eval.policies.scoring.scores import make_scorer
from glam_eval.policies.scoring.tokens import CachedTokenizer
from glam_eval.policies.scoring.tree import Actions

_AT_ONCE = 64  # prompts: of large models each costs memory until all are scored
_END_OF_LINE = "\n"  # ends a text where the model has no end of its own for it


class ScoredTexts(NamedTuple):
    """The candidates after one prompt."""

    log_probabilities: list[float]  # of each whole text, with its end
    tokens: list[int]  # of each text, its end counted


class TextScorer:
    """Scores texts after prompts by summed log-probability, with the text's end.

    The end is ``</s>`` for encoder-decoders and a line break for others, so that no text is likelier than
    another because it is its beginning. Prompts are laid out in turns where the policy's are.
    """

    def __init__(self, policy: LanguageModelPolicy) -> None:
        self._in_two = bool(policy.model.config.is_encoder_decoder)
        self._tokenizer = CachedTokenizer(policy.tokenizer, joint=not self._in_two)
        self._turns = ChatTemplate(policy.tokenizer) if policy.config.template == "chat" else None
        self._policy = policy

    @torch.no_grad()
    def score(self, prompts: Sequence[str], texts: Sequence[Sequence[str]]) -> list[ScoredTexts]:
        """Return the scores of each prompt's texts.

        Raises:
            UserError: if a prompt is longer than the model takes.
            RunFailedError: if scores are NaN.
        """
        scored: list[ScoredTexts] = []
        for begin in range(0, len(prompts), _AT_ONCE):
            scored += self._score(prompts[begin : begin + _AT_ONCE], texts[begin : begin + _AT_ONCE])
        return scored

    def _score(self, prompts: Sequence[str], texts: Sequence[Sequence[str]]) -> list[ScoredTexts]:
        ids, choices = [], []
        for prompt, each in zip(prompts, texts, strict=True):
            laid_out = self._turns.around(prompt) if self._turns else prompt
            if self._in_two:
                ids.append(self._tokenizer.encode_prompt(laid_out))
                choices.append(self._tokenizer.encode_actions(each, end_of_sequence=True))
            else:
                ended = [text + _END_OF_LINE for text in each]
                prepared, choice = self._tokenizer.encode_choice(laid_out, ended)
                ids.append(prepared)
                choices.append(choice)
        scores = self._policy.computed(partial(_scores, ids, choices))
        return [
            ScoredTexts(row[: len(choice.tokens)], [len(tokens) for tokens in choice.tokens])
            for row, choice in zip(scores.float().tolist(), choices, strict=True)
        ]


def _scores(
    prompts: Sequence[Prompt], choices: Sequence[Actions], policy: LanguageModelPolicy
) -> torch.Tensor:
    scores, _ = make_scorer(policy.model, "sum", policy.config.precision == "bfloat16").run(prompts, choices)
    return scores
