"""Settings taken as they are written, and nested ones as one level of dotted keys."""

import json
from fractions import Fraction
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.config.loading import load_suite, make_suite
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.run import EnvironmentConfig
from glam_eval.config.settings import flatten
from glam_eval.core.errors import UserError
from glam_eval.language import ACTION_SETS

KEYS = st.text("abc", min_size=1, max_size=3)
NESTED = st.recursive(
    st.none() | st.integers() | st.lists(st.integers()),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=6,
)


def test_groups_become_dotted_keys_in_their_order():
    nested = {"seed": 1, "policy": {"lora": {"rank": 8}, "trainable": None}, "options": {"b": 1, "a": [2]}}
    assert list(flatten(nested).items()) == [
        ("seed", 1),
        ("policy.lora.rank", 8),
        ("policy.trainable", None),
        ("options.b", 1),
        ("options.a", [2]),
    ]
    assert flatten(nested, whole=("lora", "options")) == {
        "seed": 1,
        "policy.lora": {"rank": 8},
        "policy.trainable": None,
        "options": {"b": 1, "a": [2]},
    }


@given(st.dictionaries(KEYS, NESTED, max_size=3))
def test_every_value_stands_under_the_path_that_leads_to_it(nested):
    flat = flatten(nested)
    for key, value in flat.items():
        inner = nested
        for part in key.split("."):
            inner = inner[part]
        assert inner == value and not isinstance(value, dict)

    def leaves(value):
        return sum(map(leaves, value.values())) if isinstance(value, dict) else 1

    assert len(flat) == leaves(nested)


def test_the_action_sets_that_may_be_configured_are_those_with_words():
    assert get_args(EnvironmentConfig.model_fields["actions"].annotation) == tuple(ACTION_SETS)


SUITE = {
    "name": "mine",
    "title": "A",
    "question": "?",
    "environment": {"level": "GoToLocal", "options": {"num_dists": 3}},
    "agents": [{"agent": "gflan", "model": "t5-pico"}],
    "protocols": [{"name": "generalization", "conditions": ["none"]}],
}


def with_value(key, value):
    """The suite with a value under a dotted key, as a Python caller writes it."""
    *groups, last = key.split(".")
    changed = {**SUITE, "ppo": {"preset": "small"}}
    inner = changed
    for group in groups:
        inner[group] = dict(inner[group])
        inner = inner[group]
    inner[last] = value
    return make_suite(changed)


@pytest.mark.parametrize(
    ("key", "given", "equal"),
    [
        ("seeds", np.int64(3), 3),
        ("seeds", np.uint8(3), 3),
        ("ppo.clip", np.float64(0.1), 0.1),
        ("ppo.clip", np.float32(0.25), 0.25),
        ("ppo.clip", 1, 1.0),
        ("ppo.adam_betas", [np.float64(0.8), 0.9], (0.8, 0.9)),
        ("environment.options", {"num_dists": np.int32(4)}, {"num_dists": 4}),
        ("agents", ({"agent": "gflan", "model": Path("t5-pico")},), SUITE["agents"]),
    ],
)
def test_what_equals_a_value_is_that_value(key, given, equal):
    given, equal = with_value(key, given), with_value(key, equal)
    assert [planned.run_id for planned in given.graph] == [planned.run_id for planned in equal.graph]
    assert json.loads(given.canonical_json()) == json.loads(equal.canonical_json())


@pytest.mark.parametrize(
    ("key", "given", "message"),
    [
        ("seeds", "3", "seeds = '3': input should be a valid integer"),
        ("seeds", True, "seeds = True: input should be a valid integer"),
        ("seeds", 3.0, "seeds = 3.0: a whole number has no point and no exponent: 3"),
        ("frames", 1e6, "frames = 1000000.0: a whole number has no point and no exponent: 1000000"),
        ("seeds", 2.5, "seeds = 2.5: input should be a valid integer"),
        ("seeds", np.bool_(True), "input should be a valid integer"),
        ("seeds", np.uint64(2**64 - 1), "seeds is beyond"),
        ("ppo.clip", float("nan"), "ppo.clip is nan: give a finite number"),
        (
            "environment.options",
            {"num_dists": [1, float("inf")]},
            "options.num_dists.1 is inf: give a finite",
        ),
        ("seeds", Fraction(6, 2), "a whole number has no point"),
        ("ppo.clip", "0.1", "ppo.clip = '0.1': input should be a valid number"),
        ("ppo.clip", True, "input should be a valid number"),
        ("ppo.adam_betas", {0.8, 0.9}, "input should be a valid tuple"),
        ("title", 5, "title = 5: input should be a valid string"),
        ("agents", [{"agent": "gflan", "model": Path("a\udcff")}], r"holds the character \udcff"),
    ],
)
def test_what_only_resembles_a_value_is_refused(key, given, message):
    with pytest.raises(UserError) as raised:
        with_value(key, given)
    assert message in str(raised.value)


def test_groups_made_and_changed_in_python_take_the_same_values():
    made = PPOConfig(steps=np.int64(20), adam_betas=[0.8, np.float64(0.9)])
    assert made == PPOConfig(steps=20, adam_betas=(0.8, 0.9))
    assert made.changed(clip=np.float32(0.5)) == made.changed(clip=0.5)
    assert type(made.steps) is int and type(made.adam_betas[1]) is float


def test_the_command_line_takes_values_as_toml_writes_them():
    assert load_suite("quick", ["frames=1_000_000"]).frames == 1_000_000
    with pytest.raises(UserError, match=r"seeds = '3': input should be a valid integer"):
        load_suite("quick", ["seeds='3'"])
