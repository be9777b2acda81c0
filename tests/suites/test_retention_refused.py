"""Retention of a local model of another kind is refused before anything starts."""

import pytest
from transformers import BartConfig, BartForConditionalGeneration, LlamaConfig, LlamaForCausalLM

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


def test_only_t5_and_decoder_only_models_are_measured(tmp_path):
    tokenizer = embedded_tokenizer()
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    halves = {
        f"{half}_{what}": 1 for half in ("encoder", "decoder") for what in ("layers", "attention_heads")
    }
    llama, bart, t5 = (tmp_path / name for name in ("llama", "bart", "t5"))
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(llama)
    small = BartConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, **halves
    )
    BartForConditionalGeneration(small).save_pretrained(bart)
    for directory in (llama, bart):
        tokenizer.save_pretrained(directory)
    validate(suite(str(llama)))
    with pytest.raises(UserError, match=r"measures T5 and decoder-only models, and '.*' is of type bart"):
        validate(suite(str(bart)))
    validate(suite(str(bart), protocols=["generalization"]))
    make_model("t5-pico-scratch", t5)
    validate(suite(str(t5)))
    (t5 / "config.json").write_text("{}")
    with pytest.raises(UserError, match="names no model_type"):
        validate(suite(str(t5)))
