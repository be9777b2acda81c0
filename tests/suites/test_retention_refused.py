"""Retention of a local model that is no T5 is refused before anything starts."""

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from glam_eval.config.suite import SuiteConfig
from glam_eval.core.errors import UserError
from glam_eval.policies import make_model
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.suites.validation import validate


def suite(model, **agent):
    values = {
        "name": "s",
        "title": "t",
        "question": "q",
        "seeds": 1,
        "environment": {"level": "GoToLocalS5N2"},
    }
    agents = [{"agent": "zero-shot", "model": "t5-pico"}, {"agent": "zero-shot", "model": model, **agent}]
    protocols = [{"name": "generalization"}, {"name": "retention"}]
    return SuiteConfig.parse({**values, "agents": agents, "protocols": protocols}, "suite")


def test_only_a_t5_is_measured(tmp_path):
    tokenizer = embedded_tokenizer()
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    llama, t5 = tmp_path / "llama", tmp_path / "t5"
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(llama)
    tokenizer.save_pretrained(llama)
    with pytest.raises(UserError, match=r"retention measures T5 models alone, and '.*' is of type llama"):
        validate(suite(str(llama)))
    validate(suite(str(llama), protocols=["generalization"]))
    make_model("t5-pico-scratch", t5)
    validate(suite(str(t5)))
    (t5 / "config.json").write_text("{}")
    with pytest.raises(UserError, match="names no model_type"):
        validate(suite(str(t5)))
