"""Checkpoints of the released code, in its exact layout."""

import pickle

import pytest
import torch

from glam_eval.core.errors import UserError
from glam_eval.core.world import Observation, Situation
from glam_eval.environments import VectorEnvironment
from glam_eval.importing.checkpoints import import_checkpoint
from glam_eval.policies import LanguageModelPolicy, PolicyOptions, load_model, make_model, score_actions
from glam_eval.suites.evaluation import load_evaluation

ACTIONS = ("turn left", "turn right", "go forward", "pick up", "drop", "toggle")
PROMPT = "Goal of the agent: go to the red ball \n Observation 0: You see a wall 2 steps left,"
SITUATION = Situation(Observation("", (), None, 0), PROMPT, ACTIONS, lambda: 0)
VALUE = "_module_functions.value.value_head_op."
ACTION = "_module_functions.policy_head.action_heads_op."


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    directory = tmp_path_factory.mktemp("base")
    make_model("t5-pico-scratch", directory, seed=1)
    return str(directory)


@pytest.fixture(scope="module")
def trained():
    """A policy with both heads, other than the base model."""
    options = PolicyOptions(action_choice="head", head_hidden=16, seed=4)
    return LanguageModelPolicy(*load_model("t5-pico-scratch", seed=2), options)


def released(trained, prefix="module.", heads=("value",), bare=False):
    """The state dict as the released code saves it."""
    own = "" if bare else f"{prefix}_LLM_model."
    state = {own + name: tensor for name, tensor in trained.model.state_dict().items()}
    for head, names in (("value", VALUE), ("action", ACTION)):
        if head in heads:
            layers = trained.heads[head].layers.state_dict()
            state |= {prefix + names + name: tensor for name, tensor in layers.items()}
    return state


def saved(tmp_path, state):
    file = tmp_path / "model.checkpoint"
    torch.save(state, file)
    return file


@pytest.mark.parametrize(
    ("layout", "has_value"),
    [
        ({}, True),
        ({"prefix": ""}, True),
        ({"heads": ()}, False),
        ({"bare": True, "heads": ()}, False),
    ],
    ids=["distributed", "plain", "without heads", "cloned"],
)
def test_round_trip_gives_the_same_scores(tmp_path, base, trained, layout, has_value):
    file = saved(tmp_path, released(trained, **layout))
    directory = import_checkpoint(file, base, tmp_path / "out", "GoToLocalS5N2")
    with torch.no_grad():
        expected = score_actions(trained.model, trained.tokenizer, [PROMPT], ACTIONS)
        assert torch.equal(score_actions(*load_model(directory), [PROMPT], ACTIONS), expected)
        policy = LanguageModelPolicy(
            *load_model(directory), PolicyOptions(head_hidden=16 if has_value else 1024)
        )
        policy.load(directory)
        if has_value:
            value = policy.evaluate([policy.prepare(SITUATION)]).values
            torch.testing.assert_close(value, trained.evaluate([trained.prepare(SITUATION)]).values)


def test_an_action_head_makes_an_agent_that_chooses_by_it(tmp_path, base, trained):
    file = saved(tmp_path, released(trained, heads=("value", "action")))
    directory = import_checkpoint(file, base, tmp_path / "out", "GoToLocalS5N2")
    options = PolicyOptions(action_choice="head", head_hidden=16)
    policy = LanguageModelPolicy(*load_model(directory), options)
    policy.load(directory)
    with torch.no_grad():
        ours, theirs = (each.evaluate([each.prepare(SITUATION)]) for each in (policy, trained))
    assert torch.equal(ours.log_probabilities, theirs.log_probabilities)


def test_an_imported_checkpoint_is_evaluated_like_any(tmp_path, base, trained):
    file = saved(tmp_path, released(trained))
    directory = import_checkpoint(file, base, tmp_path / "out", "GoToLocalS5N2")
    settings = {"scenes": 2, "conditions": ["none", "invented_nouns"]}
    played = load_evaluation(directory, "generalization", settings, "cpu").episodes(None)
    assert {label: len(episodes) for label, episodes in played.items()} == {"none": 2, "invented_nouns": 2}
    assert VectorEnvironment("GoToLocalS5N2", 1).actions == ACTIONS


class Code:
    ran = False

    def __reduce__(self):
        return (setattr, (Code, "ran", True))


def refused(tmp_path, base, file):
    with pytest.raises(UserError) as raised:
        import_checkpoint(file, base, tmp_path / "out", "GoToLocal")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()
    return str(raised.value)


@pytest.mark.parametrize("write", [torch.save, lambda state, file: file.write_bytes(pickle.dumps(state))])
def test_code_is_refused_and_not_run(tmp_path, base, write):
    file = tmp_path / "model.checkpoint"
    write({"a": Code()}, file)
    assert "holds code" in refused(tmp_path, base, file)
    assert not Code.ran


def test_other_files_are_refused_in_one_line(tmp_path, base, trained):
    assert "no checkpoint file" in refused(tmp_path, base, tmp_path / "nothing")
    noise = tmp_path / "noise"
    noise.write_bytes(b"not a checkpoint at all")
    assert "damaged" in refused(tmp_path, base, noise)
    assert "no state dict" in refused(tmp_path, base, saved(tmp_path, [1, 2]))
    state = released(trained)
    del state["module._LLM_model.encoder.final_layer_norm.weight"]
    assert "lacks encoder.final_layer_norm.weight" in refused(tmp_path, base, saved(tmp_path, state))
    network = {"embedding.weight": torch.zeros(3, 2), "act_scorer.bias": torch.zeros(1)}
    assert "is no checkpoint of" in refused(tmp_path, base, saved(tmp_path, network))
    other = LanguageModelPolicy(*load_model("t5-nano"), PolicyOptions(head_hidden=8))
    assert "is no checkpoint of" in refused(tmp_path, base, saved(tmp_path, released(other)))
