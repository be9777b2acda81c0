"""Our single draws against numpy's own generator."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from glam_eval.environments.random_numbers import ScalarGenerator

integers = st.tuples(st.integers(-1000, 1000), st.integers(1, 2**31))
requests = st.lists(st.one_of(integers, st.none()), min_size=1, max_size=300)


@given(seed=st.integers(0, 2**32), asked=requests)
@settings(max_examples=150, deadline=None)
def test_draws_are_numpys(seed, asked):
    theirs, ours = np.random.default_rng(seed), ScalarGenerator(np.random.PCG64(seed))
    for request in asked:
        if request is None:
            assert ours.uniform(-1, 2) == theirs.uniform(-1, 2)
        else:
            low, span = request
            assert ours.integer(low, low + span) == theirs.integers(low, low + span)


def test_draws_are_numpys_where_lemires_method_rejects():
    theirs, ours = np.random.default_rng(5), ScalarGenerator(np.random.PCG64(5))
    span = 2**31 + 1  # almost half of all halves are rejected
    assert [ours.integer(0, span) for _ in range(2000)] == theirs.integers(0, span, size=2000).tolist()
