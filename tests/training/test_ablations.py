"""The ablations' switches do what their names say: weights are compared, not flags."""

import pytest
import torch

from glam_eval.policies import load_model, make_model
from glam_eval.training.agents import build_policy


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    directory = tmp_path_factory.mktemp("source")
    make_model("t5-pico-scratch", directory, seed=7)
    return directory


@pytest.fixture
def policy_of(source, tiny_run):
    def build(agent, **values):
        return build_policy(tiny_run(agent=agent, model=str(source), **values), actions=6)

    return build


@pytest.mark.parametrize(
    ("agent", "weights_kept", "embeddings_kept", "has_head"),
    [
        ("gflan", True, True, False),
        ("aflan", True, True, True),
        ("npe", False, True, False),
        ("npa", False, False, True),
        ("npae", False, True, True),
    ],
)
def test_weights(source, policy_of, agent, weights_kept, embeddings_kept, has_head):
    original, _ = load_model(source)
    policy = policy_of(agent)
    embedding = original.get_input_embeddings().weight
    for name, parameter in original.named_parameters():
        ours = policy.model.get_parameter(name)
        kept = embeddings_kept if parameter is embedding else weights_kept
        # T5's norms start at 1 in every model, pretrained by us or not
        assert torch.equal(ours, parameter) == (kept or "layer_norm" in name), name
    assert ("action" in policy.heads) == has_head


def test_random_embeddings_alone(source):
    original, _ = load_model(source)
    model, _ = load_model(source, embeddings="random")
    changed = [n for n, p in original.named_parameters() if not torch.equal(model.get_parameter(n), p)]
    assert changed == ["shared.weight"]


def test_random_weights_depend_on_the_seed(policy_of):
    one, two = (policy_of("npa", seed=seed).model.lm_head.weight for seed in (1, 2))
    assert not torch.equal(one, two)


def test_lora_trains_adapters_and_heads_alone(policy_of):
    adapted = {"head_hidden": 8, "lora": {"rank": 2, "alpha": 4, "targets": ["q"]}}
    policy = policy_of("gflan", policy=adapted)
    trained = {name for name, p in policy.model.named_parameters() if p.requires_grad}
    assert trained and all("lora_" in name and ".q." in name for name in trained)
    assert {policy.model.get_parameter(name).shape[0] for name in trained if "lora_A" in name} == {2}
