"""Minibatches cut to a budget of tokens, and so that every lane has work."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.training.batches import micro_batches


def test_a_minibatch_is_cut_so_that_all_lanes_have_work():
    costs = np.full(64, 60).tolist()
    whole = micro_batches(costs, [None] * 64, 4096)
    halves = micro_batches(costs, [None] * 64, 4096, lanes=2)
    assert [len(part) for part in whole] == [64]
    assert [len(part) for part in halves] == [32, 32]
    small = micro_batches(costs, [None] * 64, 1200, lanes=2)
    assert [len(part) for part in small] == [8] * 8  # seven of ten would fit, and leave a lane idle
    assert sorted(np.concatenate(small)) == list(range(64))


@given(
    costs=st.lists(st.integers(1, 300), min_size=1, max_size=40),
    limit=st.integers(1, 2000),
    lanes=st.integers(1, 4),
)
def test_parts_hold_everything_once_within_the_limit_and_lanes_have_as_many(costs, limit, lanes):
    parts = micro_batches(costs, [None] * len(costs), limit, lanes)
    assert sorted(np.concatenate(parts)) == list(range(len(costs)))
    assert all(len(part) == 1 or len(part) * max(costs[i] for i in part) <= limit // lanes for part in parts)
    fewest = len(micro_batches(costs, [None] * len(costs), max(1, limit // lanes)))
    assert fewest <= len(parts) <= -(-fewest // lanes) * lanes
