"""Checkpoints of the released code, in its exact layout."""

import contextlib
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from program import answer

from glam_eval.config.policy import PolicyConfig
from glam_eval.core.errors import UserError
from glam_eval.core.world import Observation, Situation
from glam_eval.environments import VectorEnvironment
from glam_eval.execution.evaluation import load_evaluation
from glam_eval.importing.checkpoints import import_checkpoint, read_state
from glam_eval.policies import LanguageModelPolicy, load_model, make_model, score_actions

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
    config = PolicyConfig(action_choice="head", head_hidden=16)
    return LanguageModelPolicy(*load_model("t5-pico-scratch", seed=2), config, seed=4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a small checkpoint."""
    return saved(tmp_path_factory.mktemp("whole"), {f"w{k}": torch.ones(2, 2) for k in range(3)}).read_bytes()


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
            *load_model(directory), PolicyConfig(head_hidden=16 if has_value else 1024)
        )
        policy.load(directory)
        if has_value:
            value = policy.evaluate([policy.prepare(SITUATION)]).values
            torch.testing.assert_close(value, trained.evaluate([trained.prepare(SITUATION)]).values)


def test_an_action_head_makes_an_agent_that_chooses_by_it(tmp_path, base, trained):
    file = saved(tmp_path, released(trained, heads=("value", "action")))
    directory = import_checkpoint(file, base, tmp_path / "out", "GoToLocalS5N2")
    config = PolicyConfig(action_choice="head", head_hidden=16)
    policy = LanguageModelPolicy(*load_model(directory), config)
    policy.load(directory)
    with torch.no_grad():
        ours, theirs = (each.evaluate([each.prepare(SITUATION)]) for each in (policy, trained))
    assert torch.equal(ours.log_probabilities, theirs.log_probabilities)


def test_an_imported_checkpoint_is_evaluated_like_any(tmp_path, base, trained):
    file = saved(tmp_path, released(trained))
    directory = import_checkpoint(file, base, tmp_path / "out", "GoToLocalS5N2")
    asked = {"scenes": 2, "conditions": ["none", "invented_nouns"]}
    played = load_evaluation(directory, "generalization", asked, "cpu").episodes(None)
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
    assert "no file" in refused(tmp_path, base, tmp_path / "nothing")
    noise = tmp_path / "noise"
    noise.write_bytes(b"not a checkpoint at all")
    assert "damaged" in refused(tmp_path, base, noise)
    assert "no state dict" in refused(tmp_path, base, saved(tmp_path, [1, 2]))
    state = released(trained)
    del state["module._LLM_model.encoder.final_layer_norm.weight"]
    assert "lacks encoder.final_layer_norm.weight" in refused(tmp_path, base, saved(tmp_path, state))
    network = {"embedding.weight": torch.zeros(3, 2), "act_scorer.bias": torch.zeros(1)}
    assert "is no checkpoint of" in refused(tmp_path, base, saved(tmp_path, network))
    assert "no state dict" in refused(tmp_path, base, saved(tmp_path, {}))
    other = LanguageModelPolicy(*load_model("t5-nano"), PolicyConfig(head_hidden=8))
    assert "is no checkpoint of" in refused(tmp_path, base, saved(tmp_path, released(other)))


NORM = "module._LLM_model.encoder.final_layer_norm.weight"


def a_view(state):
    state[NORM] = torch.zeros(1).expand(100)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda state: state.update({3: torch.zeros(2)}), "no state dict"),
        (lambda state: state.update({NORM: 0.5}), "no state dict"),
        (lambda state: state.update({NORM: torch.tensor(0.5)}), "another shape of encoder.final_layer_norm"),
        (lambda state: state.update({NORM: state[NORM].to("meta")}), "a tensor without values"),
        (lambda state: state.update({NORM: state[NORM].to_sparse()}), "sparse, quantized or nested"),
        (
            lambda state: state.update(
                {NORM: torch.quantize_per_tensor(state[NORM], scale=0.1, zero_point=0, dtype=torch.qint8)}
            ),
            "sparse, quantized or nested",
        ),
        (lambda state: state.update({NORM: torch.nested.nested_tensor([torch.zeros(2)])}), "nested"),
        (lambda state: state.update({NORM: state[NORM].to(torch.int64)}), "numbers of type int64"),
        (lambda state: state.update({NORM: state[NORM].to(torch.complex64)}), "numbers of type complex64"),
        (lambda state: state.update({NORM: state[NORM].to(torch.float8_e4m3fn)}), "type float8_e4m3fn"),
        (lambda state: state.update({NORM: torch.full_like(state[NORM], torch.nan)}), "not finite"),
        (a_view, "a tensor larger than its values"),
        (
            lambda state: state.update({"_LLM_model.shared.weight": torch.zeros(2)}),
            "holds shared.weight twice",
        ),
        (lambda state: state.update({"module._LLM_model.a\nb\ud800": torch.zeros(2)}), "also holds"),
        (lambda state: state.update({f"module.{VALUE}0.weight": torch.tensor(1.0)}), "its value head is not"),
        (lambda state: state.update({f"module.{VALUE}2.weight": torch.zeros(3, 3)}), "its value head is not"),
        (lambda state: state.update({f"module.{VALUE}0.bias": torch.zeros(3)}), "its value head is not"),
        (lambda state: state.pop(f"module.{VALUE}4.weight"), "its value head is not"),
        (lambda state: state.update({f"module.{VALUE}9.weight": torch.zeros(3)}), "its value head is not"),
        (lambda state: state.update({f"module.{ACTION}4.bias": torch.zeros(6)}), "its action head is not"),
    ],
)
def test_tensors_that_are_no_weights_are_named(tmp_path, base, trained, damage, message):
    state = released(trained)
    damage(state)
    assert message in refused(tmp_path, base, saved(tmp_path, state))


def test_heads_must_fit_each_other_and_the_action_sets(tmp_path, base, trained):
    state = released(trained, heads=("value", "action"))
    state[f"module.{ACTION}4.weight"] = torch.zeros(5, 16)
    assert "5 outputs: only 3, 6, 9 can be read" in refused(tmp_path, base, saved(tmp_path, state))
    other = LanguageModelPolicy(trained.model, trained.tokenizer, PolicyConfig(head_hidden=8))
    state |= released(other, heads=("value",))
    assert "heads of different sizes" in refused(tmp_path, base, saved(tmp_path, state))


def test_a_level_that_does_not_exist_is_refused_first(tmp_path, base):
    with pytest.raises(UserError, match="unknown level 'GoToLocle'"):
        import_checkpoint(tmp_path / "nothing", base, tmp_path / "out", "GoToLocle")


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_file_is_refused_or_read_and_never_an_accident(tmp_path, whole, data):
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "model.checkpoint"
    file.write_bytes(
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    with contextlib.suppress(UserError):
        assert all(isinstance(name, str) for name in read_state(file))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["device", "pipe", "directory", "numbers", "protocol"])
def test_the_program_says_it_in_a_line_and_writes_nothing(tmp_path, base, kind):
    file = tmp_path / "model.checkpoint"
    if kind == "device":
        file = Path("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "directory":
        file.mkdir()
    elif kind == "numbers":
        torch.save({1: torch.zeros(2)}, file)
    else:
        file.write_bytes(pickle.dumps([1], protocol=5))
    out = tmp_path / "out"
    done = answer("models", "import", file, "--model", base, "--out", out)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and str(file) in done.stderr
    assert not out.exists()
