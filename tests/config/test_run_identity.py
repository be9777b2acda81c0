"""What a run is: every key that its agent reads is in its digest, and no other."""

import types
import typing
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from glam_eval.config.agents import AGENTS, describe_agent
from glam_eval.config.conversation import NOT_OF_ANSWERS, ConversationConfig
from glam_eval.config.loading import make_suite
from glam_eval.config.run import RunConfig
from glam_eval.config.settings import Settings, flatten
from glam_eval.policies import make_model
from glam_eval.protocols import play_condition

# Another value for keys whose type does not say one, or whose neighbours limit it.
OTHERS = {
    "model": "t5-nano",
    "content": "0123456789abcdef",
    "frames": 10_240,
    "environment.level": "GoToLocalS6N3",
    "environment.options": {"num_dists": 3},
    "environment.language": "fr",
    "environment.shift": "invented_nouns",
    "environment.template": "prose",
    "policy.lora": {"rank": 2},
    "conversation.endpoint": "http://elsewhere/v1",
    "conversation.requests_per_minute": 60.0,
    "conversation.prompt_price": 1.0,
    "conversation.completion_price": 1.0,
    "learner.preset": "small",
    "learner.heads_learning_rate": 1e-3,
    "learner.minibatch": 32,
    "learner.steps": 80,
    "learner.recurrence": 4,
    "learner.steps_per_gradient": 2,
    "learner.demonstrations": "elsewhere",
    "learner.content": "0123456789abcdef",
    "learner.transitions": 50,
    "learner.micro_batch_tokens": 512,
    "learner.retold": "paper+tags",
    "learner.target_kl": 0.1,
    "learner.value_clip": 0.3,
    "learner.adam_betas": (0.8, 0.9),
}
# What a key is refused without.
WITH = {"policy.quantization": {"policy.lora": {"rank": 2}}, "policy.sharded": {"policy.devices": 2}}
# Fixed by the agent, or naming what other keys spell out.
NEVER = {
    "agent",
    "environment.goal",
    "learner.kind",
    "policy.weights",
    "policy.embeddings",
    "policy.action_choice",
}
NAMES = {"learner.preset", *(f"conversation.{key}" for key in NOT_OF_ANSWERS)}


def config_of(agent: str) -> RunConfig:
    described = describe_agent(agent)
    values = {"agent": agent, "frames": 5120 * described.learns}
    return RunConfig.parse(values | ({"model": "t5-pico"} if described.names_model else {}), "test")


def fields_of(group: Settings, prefix: str = "") -> dict[str, Any]:
    """Dotted key -> annotation of every leaf, groups within groups opened."""
    found = {}
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        if isinstance(value, Settings):
            found |= fields_of(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = field.annotation
    return found


def other_value(key: str, annotation: Any, value: Any) -> Any:
    if key in OTHERS:
        return OTHERS[key]
    if get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is Literal:
        return next(choice for choice in get_args(annotation) if choice != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 or 0.25
    raise AssertionError(f"name another value of {key} in this test")


def with_value(config: RunConfig, key: str, value: Any) -> RunConfig:
    values = config.model_dump()
    group = values
    *path, last = key.split(".")
    for part in path:
        group = group[part]
    group[last] = value
    return RunConfig.parse(values, "test")


@pytest.mark.parametrize("agent", AGENTS)
def test_changing_a_key_changes_the_digest_exactly_where_it_is_read(agent):
    config = config_of(agent)
    fields = fields_of(config)
    assert len(fields) >= 12
    for key, annotation in fields.items():
        if key in NEVER or (key == "model" and not describe_agent(agent).names_model):
            continue
        if key == "frames" and not describe_agent(agent).learns:
            continue
        if key == "environment.goal_hidden" and describe_agent(agent).goal_blind:
            continue  # fixed by the agent
        if key in ("policy", "conversation"):
            continue  # of no language model, of no server
        if key == "policy.value_head" and describe_agent(agent).learner == "ppo":
            continue  # PPO needs its critic
        value = getattr(config, key, None)
        for part in key.split(".")[:-1]:
            value = getattr(getattr(config, part), key.rpartition(".")[2])
        base = config
        for needed, given in WITH.get(key, {}).items():
            base = with_value(base, needed, given)
        if key == "policy.quantization" and "random" in (base.policy.weights, base.policy.embeddings):
            continue  # refused
        changed = with_value(base, key, other_value(key, annotation, value))
        read = key not in config.unread() | NAMES
        assert (changed.digest() != base.digest()) == read, key
        assert (changed.canonical_json() != base.canonical_json()) == (read or key in NAMES), key


@pytest.mark.parametrize("agent", AGENTS)
def test_what_is_stored_of_a_run_makes_the_same_run_again(agent):
    config = config_of(agent)
    again = RunConfig.parse(config.read(), "stored")
    assert again == config and again.run_id == config.run_id
    assert not set(flatten(config.read())) & config.unread()


def forced(config: RunConfig, key: str, value: Any) -> RunConfig:
    """A run with a key that it does not read set all the same."""
    group, _, name = key.rpartition(".")
    copy = config.model_copy()
    inner = getattr(config, group).model_copy(update={name: value}) if group else value
    object.__setattr__(copy, group or name, inner)
    return copy


def episodes(config, policy, tmp):
    from glam_eval.config.protocols import ConditionConfig, ProtocolConfig

    protocol = ProtocolConfig(name="generalization", scenes=6)
    played = play_condition(policy, config, 0, protocol, ConditionConfig())
    return sorted((one.episode.scene_seed, one.episode.actions, one.episode.value) for one in played)


@pytest.mark.parametrize("agent", ["symbolic-ppo", "random", "bot", "aflan"])
def test_keys_that_are_not_read_change_no_number(agent, tiny_run, begin, tmp_path):
    """The other half of the claim: what is left out of the digest really changes nothing."""
    plain = tiny_run(agent)
    values = {
        "environment.template": "prose",
        "environment.remembered": 3,
        "threads": 2,
        "evaluations": 7,
        "policy.normalization": "word",
        "environment.goal_hidden": True,
        "conversation": ConversationConfig(),
        "learner.contrastive": 0.5,
        "learner.retold": "paper+tags",
    }
    assert plain.unread() <= values.keys() and plain.unread()
    results = []
    for config in [plain, *(forced(plain, key, values[key]) for key in sorted(plain.unread()))]:
        torch.set_num_threads(config.threads)
        run = begin(config)
        loss = run.advance().policy_loss if config.updates else 0.0
        results.append((loss, episodes(config, run.policy, tmp_path)))
    torch.set_num_threads(1)
    assert all(str(result) == str(results[0]) for result in results)  # NaN is NaN here


def suite(*overrides, **values):
    every = AGENTS.items()
    agents = [{"agent": name, **({"model": "t5-pico"} if agent.names_model else {})} for name, agent in every]
    base = {"name": "all", "title": "t", "question": "q", "seeds": 1, "frames": 5120, "agents": agents}
    return make_suite({**base, "protocols": [{"name": "sample-efficiency"}], **values}, overrides)


TEACHER = {"demonstrations-gflan", "bc-gflan"}
CLONES = {"bc-gflan", "bc-bot", "bc-bot-scratch"}
SETS = {"demonstrations-gflan", "demonstrations-bot"}
ONLINE = {"gflan", "blind", "aflan", "npe", "npa", "npae", "symbolic-ppo"}
PROMPTED = {*ONLINE, "zero-shot", "drrn", *CLONES, *SETS} - {"symbolic-ppo"}
EVERYONE = {*AGENTS, *SETS}
REFERENCES = {name for name, agent in AGENTS.items() if agent.role == "reference"}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("ppo.learning_rate=1e-5", ONLINE | TEACHER),
        ("ppo.preset=small", ONLINE | TEACHER),
        ("q_learning.batch=32", {"drrn"}),
        ("cloning.learning_rate=1e-3", CLONES),
        ("cloning.random_fraction=0.5", CLONES | SETS),
        ("cloning.transitions=100", CLONES | SETS),
        ("environment.template=prose", PROMPTED),
        ("environment.remembered=1", PROMPTED),
        ("environment.language=fr", EVERYONE),
        ("policy.normalization=token", {"gflan", "blind", "npe", "zero-shot"} | CLONES | TEACHER),
        ("policy.head_hidden=8", set(AGENTS) - {"drrn", "symbolic-ppo", "chat"} - REFERENCES | TEACHER),
        ("conversation.temperature=0.5", {"chat"}),
        ("conversation.endpoint=http://elsewhere/v1", set()),
        ("threads=2", EVERYONE - REFERENCES - {"demonstrations-bot", "chat"}),
        ("evaluations=3", ONLINE | CLONES | {"drrn"} | TEACHER),
        ("seeds=1", set()),
        ("title=another", set()),
    ],
)
def test_an_override_changes_the_runs_that_read_it_and_those_that_need_them(override, expected):
    def kinds(planned):
        return {each.run_id: "-".join(each.run_id.split("-GoTo")[0].split("-t5")[:1]) for each in planned}

    before, after = kinds(suite().graph), kinds(suite(override).graph)
    assert {kind for run_id, kind in before.items() if run_id not in after} == expected
    assert {kind for run_id, kind in after.items() if run_id not in before} == expected


def test_the_same_weights_under_two_paths_are_one_run_with_equal_numbers(tmp_path, tiny_run, begin):
    paths = [tmp_path / "here", tmp_path / "there"]
    for path in paths:
        make_model("t5-pico", path)
    (paths[1] / "README.md").write_text("notes are no part of a model")
    agents = [{"agent": "gflan", "model": str(path)} for path in paths]
    assert len(suite(agents=agents).runs()) == 1
    content = suite(agents=agents).runs()[0].content
    named = tiny_run(model="t5-pico")
    runs = [named, *(named.changed(model=str(path), content=content) for path in paths)]
    assert runs[1].digest() == runs[2].digest() != named.digest()
    trained = [begin(run) for run in runs]
    losses = [[run.advance().policy_loss for _ in range(2)] for run in trained]
    assert losses[0] == losses[1] == losses[2]
    for one, other in ((0, 1), (0, 2)):
        pairs = zip(trained[one].policy.parameters(), trained[other].policy.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_the_same_weights_under_a_hub_name_give_equal_numbers(tmp_path, tiny_run, begin, monkeypatch):
    """A hub's cache as huggingface_hub lays it out, and no network."""
    repository = tmp_path / "hub" / "models--someone--small-t5"
    make_model("t5-pico", repository / "snapshots" / "0123")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("glam_eval.policies.models.loading._hub_answers", lambda: False)
    runs = [begin(tiny_run(model=model)) for model in ("t5-pico", "someone/small-t5")]
    first, second = ([run.advance().policy_loss for _ in range(2)] for run in runs)
    assert first == second


def test_a_model_that_changes_is_another_run_and_a_run_under_way_refuses_it(tmp_path, tiny_run, begin):
    from glam_eval.core.errors import UserError

    make_model("t5-pico", tmp_path / "mine")
    agents = [{"agent": "gflan", "model": str(tmp_path / "mine")}]
    before = suite(agents=agents).runs()[0]
    make_model("t5-pico-scratch", tmp_path / "mine", seed=3)
    after = suite(agents=agents).runs()[0]
    assert before.run_id != after.run_id
    with pytest.raises(UserError, match=r"has changed since run .* was planned"):
        begin(tiny_run(model=str(tmp_path / "mine"), content=before.content))
