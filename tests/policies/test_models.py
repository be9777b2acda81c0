"""Models by name: made, saved, reloaded and trained without losing their architecture."""

from types import SimpleNamespace

import pytest
import torch
from plain_scoring import plain_scores
from tiny_models import t5
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from glam_eval.core.errors import UserError
from glam_eval.policies import LanguageModelPolicy, load_model, make_model, score_actions
from glam_eval.policies.models.shapes import EMBEDDED, LADDER
from glam_eval.policies.models.shipped import shipped_rungs

SCRATCH = [name for name in EMBEDDED if name not in LADDER]
ACTIONS = ["turn left", "turn right", "go forward", "pick up", "drop", "toggle"]
PROMPT = "Goal of the agent: go to the red ball \n Observation 0: You see a wall 2 steps left,"


def untied(model):
    output = model.get_output_embeddings().weight
    return output is not model.shared.weight and not torch.equal(output, model.shared.weight)


def shapes(model):
    return {name: parameter.shape for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("name", [*SCRATCH, *shipped_rungs()])
def test_embedded_models_load_with_plain_transformers(name, tmp_path):
    make_model(name, tmp_path, seed=5)
    plain = AutoModelForSeq2SeqLM.from_pretrained(tmp_path).eval(), AutoTokenizer.from_pretrained(tmp_path)
    assert untied(plain[0])
    with torch.no_grad():
        expected = score_actions(*load_model(name, seed=5), [PROMPT], ACTIONS)
        assert torch.equal(score_actions(*plain, [PROMPT], ACTIONS), expected)
        torch.testing.assert_close(plain_scores(*plain, [PROMPT], ACTIONS), expected, rtol=1e-5, atol=0)
    shape = EMBEDDED[name]
    assert plain[0].config.d_model == shape.d_model
    assert len(plain[0].encoder.block) == len(plain[0].decoder.block) == shape.layers


def test_new_models_start_near_uniform_and_depend_on_the_seed_alone():
    prompts = [PROMPT.replace("2", str(n)) for n in range(1, 9)]
    for name in SCRATCH:
        model, tokenizer = load_model(name, seed=1)
        policy = score_actions(model, tokenizer, prompts, ACTIONS, "token").softmax(-1)
        assert policy.max() < 0.7
        torch.manual_seed(99)
        again, _ = load_model(name, seed=1)
        other, _ = load_model(name, seed=2)
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
        assert not torch.equal(model.lm_head.weight, other.lm_head.weight)


def test_training_keeps_outputs_untied(tmp_path):
    model, tokenizer = load_model("t5-pico")
    before = model.shared.weight.clone(), model.lm_head.weight.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    score_actions(model, tokenizer, [PROMPT], ACTIONS).sum().backward()
    optimizer.step()
    assert not torch.equal(model.shared.weight, before[0]) and not torch.equal(
        model.lm_head.weight, before[1]
    )
    LanguageModelPolicy(model, tokenizer).save(tmp_path)
    reloaded, _ = load_model(tmp_path)
    assert untied(reloaded)
    assert torch.equal(reloaded.lm_head.weight, model.lm_head.weight)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("embeddings", ["pretrained", "random"])
def test_twins_from_scratch_have_the_architecture_of_their_source(tmp_path, nano, tied, embeddings):
    source = t5(vocab_size=len(nano[1]), tie_word_embeddings=tied, dropout_rate=0.1)
    source.save_pretrained(tmp_path)
    nano[1].save_pretrained(tmp_path)
    twin, _ = load_model(tmp_path, weights="random", embeddings=embeddings, seed=1)
    assert (twin.lm_head.weight is twin.shared.weight) == tied
    assert shapes(twin) == shapes(source)
    assert torch.equal(twin.shared.weight, source.shared.weight) == (embeddings == "pretrained")
    assert torch.equal(twin.lm_head.weight, source.lm_head.weight) == (tied and embeddings == "pretrained")
    assert not torch.equal(
        twin.encoder.block[0].layer[0].SelfAttention.q.weight,
        source.encoder.block[0].layer[0].SelfAttention.q.weight,
    )
    assert twin.config.scale_decoder_outputs == source.config.scale_decoder_outputs
    assert twin.config.dropout_rate == 0 and not twin.training
    twin.train()
    ids = torch.tensor([[5, 6, 7]])
    outputs = [twin(input_ids=ids, decoder_input_ids=ids).logits for _ in range(2)]
    assert torch.equal(*outputs)


def test_bfloat16_weights():
    model, tokenizer = load_model("t5-pico-scratch", precision="bfloat16")
    assert model.lm_head.weight.dtype == torch.bfloat16
    exact = score_actions(*load_model("t5-pico-scratch"), [PROMPT], ACTIONS)
    torch.testing.assert_close(score_actions(model, tokenizer, [PROMPT], ACTIONS), exact, rtol=0.02, atol=0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("./nowhere", {}, "no model directory './nowhere'"),
        ("t5-nano", {"weights": "some"}, "unknown weights 'some'"),
        ("t5-nano", {"precision": "float16"}, "unknown precision 'float16'"),
    ],
)
def test_wrong_names_are_one_line(name, options, message):
    with pytest.raises(UserError, match=message):
        load_model(name, **options)


def test_names_and_hub_are_one_line_without_a_network(monkeypatch, tmp_path):
    requests = []

    def refuse(*arguments, **_):
        requests.append(arguments)
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(head=refuse))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="unknown model 't5-nanno': did you mean 't5-nano'"):
        load_model("t5-nanno")
    with pytest.raises(
        UserError, match=r"^cannot load model 'google/flan-t5-small': it is not in .* can't be reached$"
    ):
        load_model("google/flan-t5-small")
    assert len(requests) == 2  # one for each name: no retries


def test_a_hub_that_answers_is_asked_and_its_refusal_named(monkeypatch):
    asked = {}

    def refuse(source, **options):
        asked[source] = options["local_files_only"], options["allow_patterns"][-1]
        raise OSError("You are trying to access a gated repo.\nMake sure to have access")

    monkeypatch.setattr("huggingface_hub.get_session", lambda: SimpleNamespace(head=lambda *_, **__: None))
    files = ["onnx/model.onnx", "model-00001-of-00001.safetensors", "pytorch_model.bin"]
    monkeypatch.setattr("huggingface_hub.HfApi.list_repo_files", lambda _, name: files)
    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(UserError, match=r"^cannot load model 'some/model': You are trying .* gated repo\.$"):
        load_model("some/model")
    assert asked == {"some/model": (False, "model-00001-of-00001.safetensors")}


def test_a_broken_model_is_called_by_its_name(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "t5", "dropout_rate": 0.1}')
    with pytest.raises(UserError, match=f"^cannot load model '{tmp_path}': "):
        load_model(tmp_path)


def test_a_directory_without_a_model_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot load model"):
        load_model(tmp_path)
