"""Minibatches cut to a budget of tokens, and so that every lane has work."""

import numpy as np

from glam_eval.training.batches import micro_batches


def test_a_minibatch_is_cut_so_that_all_lanes_have_work():
    costs = np.full(64, 60).tolist()
    whole = list(micro_batches(costs, [None] * 64, 4096))
    halves = list(micro_batches(costs, [None] * 64, 4096, lanes=2))
    assert [len(part) for part in whole] == [64]
    assert sorted(len(part) for part in halves) == [31, 33]
    small = list(micro_batches(costs, [None] * 64, 1200, lanes=2))
    assert max(map(len, small)) == 10
    assert sorted(np.concatenate(small)) == list(range(64))
