"""Models of directories are exactly what their files say, whatever else these ask, or are refused in time."""

import pytest
import torch
from damage import change, cut, fill, remove, weights
from plain_scoring import plain_scores
from program import answer
from safetensors.torch import load_file, save_file
from tiny_models import bart, byte_level_tokenizer, causal

from glam_eval.config.policy import PolicyConfig
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.content import model_content
from glam_eval.core.errors import UserError
from glam_eval.core.world import Situation
from glam_eval.policies import LanguageModelPolicy, load_model, score_actions
from glam_eval.policies.scoring.families import CAUSAL_MODELS
from glam_eval.suites.validation import validate

PROMPT, ACTIONS = "Goal of the agent: go to the red ball", ["turn left", "drop"]
Q = "model.layers.0.self_attn.q_proj.weight"


def scores(directory):
    with torch.no_grad():
        return score_actions(*load_model(directory), [PROMPT], ACTIONS)


IGNORED = {
    "code": {"auto_map": {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.Config"}},
    "code of others": {"auto_map": {"AutoModelForCausalLM": "someone/else--evil.Model"}},
    "kernels to fetch": {"_attn_implementation": "someone/kernels", "attn_implementation": "someone/kernels"},
    "experts to fetch": {"_experts_implementation": "someone/kernels"},
    "trust": {"trust_remote_code": True, "custom_pipelines": {"text-generation": {"impl": "evil.Pipe"}}},
    "files elsewhere": {"transformers_weights": "../../other.safetensors", "_name_or_path": "/etc"},
    "endless labels": {"num_labels": 10**9},
    "odd outputs": {
        "return_dict": False,
        "output_attentions": True,
        "torchscript": True,
        "dtype": "complex64",
    },
}


@pytest.mark.parametrize("values", IGNORED.values(), ids=list(IGNORED))
def test_what_a_config_asks_beside_sizes_is_not_honoured(copied, values):
    directory = copied("llama")
    expected = scores(directory)
    (directory / "evil.py").write_text(f"open({str(directory / 'ran')!r}, 'w')")
    change(directory, **values)
    change(directory, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", "evil.T"]})
    assert torch.equal(scores(directory), expected)
    assert not (directory / "ran").exists()


def test_weights_of_other_formats_and_shards_are_the_same_model(copied):
    directory = copied("llama")
    expected = scores(directory)
    whole_state = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names = sorted(whole_state)
    for shard, part in enumerate((names[:5], names[5:])):
        save_file({name: whole_state[name] for name in part}, directory / f"model-{shard}.safetensors")
    places = {name: f"model-{int(names.index(name) >= 5)}.safetensors" for name in names}
    change(directory, "model.safetensors.index.json", weight_map=places)
    assert torch.equal(scores(directory), expected)
    for file in directory.glob("model*"):
        file.unlink()
    # As old checkpoints have them: masks beside the weights.
    torch.save(
        whole_state | {"model.layers.0.bias": torch.ones(3, dtype=torch.bool)},
        directory / "pytorch_model.bin",
    )
    assert torch.equal(scores(directory), expected)


@pytest.mark.parametrize(
    ("config", "generation", "token"),
    [
        ({"decoder_start_token_id": 7}, {"decoder_start_token_id": 9}, 7),
        ({}, {"decoder_start_token_id": 9}, 9),
        ({"bos_token_id": 11}, {}, 11),
        ({"pad_token_id": 3}, {}, 3),
    ],
)
def test_a_decoder_starts_where_transformers_would(copied, config, generation, token):
    directory = copied("t5")
    (directory / "generation_config.json").unlink(missing_ok=True)
    change(directory, **{"decoder_start_token_id": None, "bos_token_id": None} | config)
    change(directory, "generation_config.json", **generation)
    model, tokenizer = load_model(directory)
    assert model.config.decoder_start_token_id == token
    with torch.no_grad():
        expected = plain_scores(model, tokenizer, [PROMPT], ACTIONS)
        torch.testing.assert_close(score_actions(model, tokenizer, [PROMPT], ACTIONS), expected)


@pytest.mark.parametrize("token", [10**6, -1, True, "start", [0]])
def test_a_decoder_that_starts_from_no_token_is_refused(copied, token):
    directory = copied("t5")
    change(directory, decoder_start_token_id=token)
    with pytest.raises(UserError, match=r"decoder_start_token_id|config.json is no t5 model's"):
        load_model(directory)


def test_outputs_that_overflow_are_no_scores(copied):
    directory = copied("llama")
    weights(directory, lambda state: state["lm_head.weight"].fill_(3e38))
    model, tokenizer = load_model(directory)
    with pytest.raises(UserError, match="the model's outputs are not finite"), torch.no_grad():
        score_actions(model, tokenizer, [PROMPT], ACTIONS)


@pytest.fixture
def adapters(copied, tmp_path):
    """A directory of adapters alone, and what their model scores with them."""
    peft = pytest.importorskip("peft")
    model, tokenizer = load_model(copied("llama"))
    adapted = peft.get_peft_model(
        model, peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    )
    adapted.peft_config["default"].base_model_name_or_path = str(tmp_path / "llama")
    adapted.save_pretrained(tmp_path / "adapters")
    with torch.no_grad():
        return tmp_path / "adapters", plain_scores(adapted, tokenizer, [PROMPT], ACTIONS)


def test_adapters_alone_are_added_to_their_model(adapters, tmp_path):
    directory, expected = adapters
    torch.testing.assert_close(scores(directory), expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(scores(tmp_path / "llama"), expected, rtol=1e-3)
    model, _ = load_model(directory)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any("lora" in name for name in model.state_dict())


def configured(**values):
    return lambda d: change(d, "adapter_config.json", **values)


def test_adapters_are_another_model_where_their_model_is(adapters, tmp_path):
    directory, _ = adapters
    before = model_content(directory)
    weights(tmp_path / "llama", lambda state: state[Q].mul_(2))
    between = model_content(directory)
    weights(
        directory, lambda state: [tensor.mul_(2) for tensor in state.values()], "adapter_model.safetensors"
    )
    assert len({before, between, model_content(directory), model_content(tmp_path / "llama")}) == 4


ADAPTER_DAMAGES = {
    "of nothing": (configured(base_model_name_or_path=None), "names no base_model"),
    "of none": (configured(base_model_name_or_path="/nowhere"), "no model direct"),
    "of themselves": (
        lambda d: configured(base_model_name_or_path=str(d))(d), "names adapters as their model"
    ),
    "of another kind": (configured(peft_type="PROMPT_TUNING"), "LORA is supp"),
    "of another rank": (configured(r=3), "adapters don't fit their model"),
    "of other layers": (
        configured(target_modules=["x"]), "adapters don't fit their model"
    ),
    "of more layers": (
        configured(target_modules=["q_proj", "v_proj"]), "adapters lack .*v_proj"
    ),
    "without weights": (remove("adapter_model.safetensors"), "holds no weights: expected adapter_model"),
    "cut": (lambda d: cut(d / "adapter_model.safetensors", 90), "adapter_model.safetensors is truncated"),
    "NaN": (
        lambda d: (state := load_file(d / "adapter_model.safetensors"))
        and save_file({n: t * torch.nan for n, t in state.items()}, d / "adapter_model.safetensors"),
        "values that are not finite",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", ADAPTER_DAMAGES)
def test_damaged_adapters_are_one_line(adapters, damage):
    alter, message = ADAPTER_DAMAGES[damage]
    alter(adapters[0])
    with pytest.raises(UserError, match=message) as refused:
        load_model(adapters[0])
    assert "\n" not in str(refused.value)


def suite_of(model, policy=None, **environment):
    values = {
        "name": "t",
        "title": "t",
        "question": "q",
        "seeds": 1,
        "frames": 1280,
        "environment": {"level": "GoToLocalS5N2", **environment},
        "agents": [{"agent": "zero-shot", "model": str(model)}],
        "policy": policy or {},
        "protocols": [{"name": "sample-efficiency"}],
    }
    return SuiteConfig.parse(values, "test")


def test_prompts_longer_than_a_models_positions_are_refused_before_anything_starts(copied):
    directory = copied("llama")
    validate(suite_of(directory, remembered=3))
    change(directory, max_position_embeddings=180)
    validate(suite_of(directory, remembered=1))
    with pytest.raises(UserError, match=r"takes 180 tokens, and a prompt of GoToLocalS5N2 in 'fr' .* = 3"):
        validate(suite_of(directory, remembered=3, language="fr"))
    model, tokenizer = load_model(directory)
    with pytest.raises(UserError, match=r"has 2.. tokens, and the model takes 180"):
        score_actions(model, tokenizer, [PROMPT * 20], ACTIONS)


@pytest.mark.parametrize("model", ["t5-pico", "llama"])
def test_chat_without_a_chat_template_is_refused_before_anything_starts(copied, model):
    name = copied(model) if model == "llama" else model
    with pytest.raises(UserError, match="needs a chat template, and the tokenizer has none"):
        validate(suite_of(name, {"template": "chat"}))


def test_the_program_refuses_before_any_run_starts(copied, tmp_path):
    directory = copied("llama")
    fill(Q, torch.nan)(directory)
    out = tmp_path / "out"
    world = ("--level", "GoToLocalS5N2")
    done = answer("train", "--agent", "zero-shot", "--model", directory, *world, "--out", out)
    assert done.returncode == 2, done.stderr
    assert "not finite" in done.stderr and "Traceback" not in done.stderr
    assert not list(out.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("heads.safetensors"), "no file .*heads.safetensors"),
        (lambda d: cut(d / "heads.safetensors", 90), "heads.safetensors is truncated"),
        (
            lambda d: weights(d, lambda s: [t.fill_(torch.nan) for t in s.values()], "heads.safetensors"),
            "heads.safetensors holds values that are not finite",
        ),
    ],
)
def test_damaged_heads_of_a_checkpoint_are_one_line(nano, tmp_path, damage, message):
    policy = LanguageModelPolicy(*nano, PolicyConfig(head_hidden=4))
    policy.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match=message):
        policy.load(tmp_path)


@pytest.mark.parametrize("kind", sorted(CAUSAL_MODELS | {"bart"}))
def test_every_family_is_read_as_it_was_written(kind, tmp_path):
    tokenizer = byte_level_tokenizer()
    model = bart(len(tokenizer)) if kind == "bart" else causal(kind, len(tokenizer))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with torch.no_grad():
        assert torch.equal(scores(tmp_path), score_actions(model, tokenizer, [PROMPT], ACTIONS))
        policy = LanguageModelPolicy(*load_model(tmp_path), PolicyConfig(head_hidden=4))
        prepared = policy.prepare(Situation(None, PROMPT, tuple(ACTIONS), lambda: 0))
        assert policy.evaluate([prepared]).values.isfinite().all()
