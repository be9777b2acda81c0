"""Texts after prompts: log-probabilities of whole texts with their ends, whatever the policy does."""

import pytest
import torch
from plain_scoring import plain_scores
from tiny_models import byte_level_tokenizer, causal, t5

from glam_eval.config.policy import PolicyConfig
from glam_eval.policies import LanguageModelPolicy
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.policies.texts import TextScorer

PROMPTS = ["Observation 0: You see a red ball \n Observation 1: ", "Goal: go to the key \n Answer: "] * 40
TEXTS = ("You see a wall 1 step left", "You see a wall 1 step left, You see a red ball", "yes")


@pytest.mark.parametrize("family", ["t5", "llama"])
@torch.no_grad()
def test_scores_are_those_of_the_plain_model_and_count_the_end(family):
    tokenizer = embedded_tokenizer() if family == "t5" else byte_level_tokenizer()
    model = t5(vocab_size=len(tokenizer)) if family == "t5" else causal("llama", len(tokenizer))
    config = PolicyConfig(head_hidden=8, normalization="token", action_choice="head")
    scored = TextScorer(LanguageModelPolicy(model, tokenizer, config)).score(PROMPTS, [TEXTS] * len(PROMPTS))
    ended = [text + ("</s>" if family == "t5" else "\n") for text in TEXTS]
    expected = plain_scores(model, tokenizer, PROMPTS[:2], ended)
    for place, each in enumerate(scored):
        torch.testing.assert_close(
            torch.tensor(each.log_probabilities), expected[place % 2], rtol=1e-4, atol=1e-4
        )
        shortest = [len(tokenizer(text)["input_ids"]) for text in TEXTS]
        assert all(length >= least for length, least in zip(each.tokens, shortest, strict=True))


@torch.no_grad()
def test_prompts_may_have_unlike_numbers_of_texts():
    tokenizer = embedded_tokenizer()
    scorer = TextScorer(
        LanguageModelPolicy(t5(vocab_size=len(tokenizer)), tokenizer, PolicyConfig(head_hidden=8))
    )
    one, two = scorer.score(PROMPTS[:2], [TEXTS, TEXTS[:1]])
    assert [len(one.tokens), len(two.tokens), len(two.log_probabilities)] == [3, 1, 1]
    (alone,) = scorer.score(PROMPTS[1:2], [TEXTS[:1]])
    assert two.log_probabilities == pytest.approx(alone.log_probabilities, abs=1e-5)
