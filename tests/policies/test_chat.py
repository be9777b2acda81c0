"""Prompts as turns: the tokenizer's own chat template around what GLAM's prompt says."""

import pytest
from test_language_model_policy import ACTIONS, situation
from tiny_models import byte_level_tokenizer, causal

from glam_eval.config.policy import PolicyConfig
from glam_eval.core.errors import UserError
from glam_eval.core.world import Situation
from glam_eval.language import LANGUAGES, render_prompt, speaker
from glam_eval.language.prompts import turns
from glam_eval.policies import LanguageModelPolicy

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# As Gemma's: no system turn, the beginning of texts in the template.
WITHOUT_SYSTEM = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<|im_start|>{{ message.role }}\n{{ message.content | trim }}<|im_end|>\n"
    "{% endfor %}<|im_start|>model{{ '\\n' }}"
)


def chat_tokenizer(template):
    tokenizer = byte_level_tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], "bos_token": "<|endoftext|>"}
    )
    tokenizer.chat_template = template
    return tokenizer


def policy_of(tokenizer, **settings):
    model = causal("llama", len(tokenizer))
    return LanguageModelPolicy(model, tokenizer, PolicyConfig(head_hidden=8, template="chat", **settings))


def seen(prompt):
    return Situation(situation("x").observation, prompt, ACTIONS, lambda: 0)


PROMPT = (
    "Possible action of the agent: drop \n Goal of the agent: go \n Observation 0: You see, \n Action 0: "
)


def test_turns_are_those_of_the_tokenizers_template():
    tokenizer = chat_tokenizer(CHATML)
    prepared = policy_of(tokenizer).prepare(seen(PROMPT))
    assert tokenizer.decode(prepared.prompt) == (
        "<|im_start|>system\nPossible action of the agent: drop<|im_end|>\n"
        "<|im_start|>user\nGoal of the agent: go \n Observation 0: You see,<|im_end|>\n"
        "<|im_start|>assistant\nAction 0:"
    )
    text = tokenizer.decode(prepared.prompt)
    for tokens, action in zip(prepared.actions.tokens, ACTIONS, strict=True):
        assert [*prepared.prompt.tolist(), *tokens] == tokenizer(f"{text} {action}")["input_ids"]


def test_a_family_without_system_turns_reads_it_in_the_users():
    tokenizer = chat_tokenizer(WITHOUT_SYSTEM)
    prepared = policy_of(tokenizer).prepare(seen(PROMPT))
    assert tokenizer.decode(prepared.prompt) == (
        "<|endoftext|><|im_start|>user\nPossible action of the agent: drop\n\n"
        "Goal of the agent: go \n Observation 0: You see,<|im_end|>\n<|im_start|>model\nAction 0:"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["paper", "prose"])
def test_every_prompt_has_three_turns(language, template):
    speaks = speaker(language)
    actions = speaks.actions("canonical")
    prompt = render_prompt(speaks, template, actions, "GOAL", [["ONE", "TWO"], ["THREE"]], [actions[0]])
    can_do, asked, begun = turns(prompt)
    assert all(action in can_do for action in actions) and "GOAL" not in can_do
    assert all(word in asked for word in ("GOAL", "ONE", "TWO", "THREE", actions[0]))
    assert actions[1] not in asked
    assert begun and begun.endswith(" ") and "THREE" not in begun
    assert "".join((can_do + asked + begun).split()) == "".join(prompt.split())


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "needs a chat template, and the tokenizer has none"),
        ("{{ raise_exception('never') }}", "can't be applied: never"),
        ("{% for", "can't be applied: "),
        ("{{ messages[0].content }}", "leaves turns out"),
    ],
)
def test_templates_that_say_no_turns_are_refused(template, message):
    with pytest.raises(UserError, match=message):
        policy_of(chat_tokenizer(template))
