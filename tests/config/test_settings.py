"""Nested settings as one level of dotted keys."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from glam_eval.config.run import EnvironmentConfig
from glam_eval.config.settings import flatten
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
