"""GAE against hand-computed numbers and against its definition as a sum."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glam_eval.training.advantages import generalized_advantages


def column(*values, dtype=np.float32):
    return np.array(values, dtype=dtype)[:, None]


def test_hand_computed():
    # discount 0.5, lambda 0.5; episode ends after the second step
    rewards, values = column(1, 2, 3), column(10, 20, 30)
    ends = column(False, True, False, dtype=bool)
    advantages, returns = generalized_advantages(rewards, values, ends, np.float32([40]), 0.5, 0.5)
    # t=2: 3 + 0.5*40 - 30 = -7; t=1: 2 - 20 = -18; t=0: (1 + 0.5*20 - 10) + 0.25 * -18 = -3.5
    assert advantages[:, 0].tolist() == [-3.5, -18, -7]
    assert returns[:, 0].tolist() == [6.5, 2, 23]


def test_timeouts_continue_with_the_critic_when_bootstrapped():
    rewards, values = column(1, 1), column(0, 0)
    ends = column(True, False, dtype=bool)
    cut = column(8, 0)
    terminal, _ = generalized_advantages(rewards, values, ends, np.float32([0]), 0.5, 0.9)
    bootstrapped, _ = generalized_advantages(rewards, values, ends, np.float32([0]), 0.5, 0.9, cut)
    assert terminal[:, 0].tolist() == [1, 1]
    assert bootstrapped[:, 0].tolist() == [5, 1]  # 1 + 0.5 * 8, and nothing leaks across the end


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**31), st.floats(0, 1), st.floats(0, 1))
def test_equals_the_sum_of_discounted_errors(steps, slots, seed, discount, gae_lambda):
    draws = np.random.default_rng(seed)
    rewards, values = draws.normal(size=(2, steps, slots)).astype(np.float32)
    ends = draws.random((steps, slots)) < 0.3
    last = draws.normal(size=slots).astype(np.float32)
    advantages, _ = generalized_advantages(rewards, values, ends, last, discount, gae_lambda)
    following = np.vstack([values[1:], last[None]])
    errors = rewards + discount * following * ~ends - values
    for slot in range(slots):
        for t in range(steps):
            expected, weight = 0.0, 1.0
            for k in range(t, steps):
                expected += weight * errors[k, slot]
                weight *= discount * gae_lambda * (not ends[k, slot])
            np.testing.assert_allclose(advantages[t, slot], expected, rtol=1e-4, atol=1e-4)
