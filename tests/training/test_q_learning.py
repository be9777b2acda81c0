"""Q-learning: exact values on a toy problem; a replay that is bounded, uniform and stored exactly."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from glam_eval.config.learners import QLearningConfig
from glam_eval.core.world import StepResult
from glam_eval.policies.language_model import PreparedPrompt
from glam_eval.policies.scoring.tree import Actions
from glam_eval.training.q_learning import QLearner
from glam_eval.training.replay import Replay

MOVES = Actions(tokens=((0,), (1,)), words=(1, 1))


class TwoStates:
    """State 0: action 0 stays for reward 1, action 1 leads to state 1. There, action 0 ends for reward 3,
    action 1 returns to state 0 for nothing."""

    def __init__(self, slots):
        self.slots = slots
        self._states = [0] * slots

    def situations(self):
        return list(self._states)

    def step(self, actions):
        results = []
        for slot, action in enumerate(actions):
            reward, end = [(1.0, False), (0.0, False), (3.0, True), (0.0, False)][
                2 * self._states[slot] + action
            ]
            self._states[slot] = 0 if end else (self._states[slot] + action) % 2
            results.append(StepResult(reward, end, False))
        return SimpleNamespace(results=results, finished=[])


class Table(nn.Module):
    """One Q value for each state and action."""

    device = torch.device("cpu")

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(2, 2)
        nn.init.zeros_(self.words.weight)

    def prepare(self, situation):
        return PreparedPrompt(np.array([situation], dtype=np.int32), MOVES)

    def q_values(self, prompts, actions):
        return self.words(torch.tensor([int(prompt[0]) for prompt in prompts]))


def test_a_two_state_problem_is_learned_to_its_exact_values():
    config = QLearningConfig(
        environments=4,
        steps=32,
        steps_per_gradient=1,
        batch=64,
        learning_rate=0.05,
        discount=0.5,
        reward_scale=1.0,
    )
    table = Table()
    learner = QLearner(table, TwoStates(4), config, seed=0)
    for number in range(1, 13):
        learned = learner.update(number)
    # by hand: Q(1,0) = 3; V(0) = max(1 + V(0)/2, V(1)/2) = 2; Q(0,0) = 2; Q(0,1) = 3/2; Q(1,1) = 2/2
    expected = torch.tensor([[2.0, 1.5], [3.0, 1.0]])
    torch.testing.assert_close(table.words.weight.detach(), expected, rtol=0, atol=0.02)
    assert learned.value_loss < 1e-3


def chunk(number, steps=2, slots=3):
    prompts = [
        np.arange(number, number + 1 + place % 3, dtype=np.int32) for place in range((steps + 1) * slots)
    ]
    actions = np.full((steps, slots), number % 5)
    rewards = np.full((steps, slots), number + 1, dtype=np.float32)
    return prompts, actions, rewards, rewards % 2 == 0


def test_the_replay_forgets_the_oldest_and_says_what_it_holds():
    replay = Replay(capacity=20, steps=2, slots=3, vocabulary=100)
    sizes = []
    for number in range(5):
        replay.add(*chunk(number))
        sizes.append((len(replay), replay.nbytes))
    assert [size for size, _ in sizes] == [6, 12, 18, 18, 18]
    assert sizes[2][1] == sizes[4][1] == 3 * sizes[0][1] > 0
    assert set(replay.sample(500, np.random.default_rng(0)).rewards.tolist()) == {3.0, 4.0, 5.0}


def test_a_share_of_a_sample_is_rewarded():
    replay = Replay(capacity=60, steps=2, slots=3, vocabulary=100)
    for number in range(10):
        prompts, actions, rewards, ends = chunk(number)
        replay.add(prompts, actions, np.zeros_like(rewards), ends)
    assert not replay.sample(100, np.random.default_rng(0), rewarded_share=0.5).rewards.any()
    for number in (2, 3):
        prompts, actions, rewards, ends = chunk(number)
        rewards[0, 1] = 0
        replay.add(prompts, actions, rewards, ends)
    sample = replay.sample(400, np.random.default_rng(1), rewarded_share=0.5)
    assert 200 <= np.count_nonzero(sample.rewards) < 300
    first = sample.rewards[:200].tolist()
    assert set(first) == {3.0, 4.0} and 80 < first.count(3.0) < 120  # both chunks alike
    assert [int(prompt[0]) for prompt in sample.prompts[:200]] == [int(reward) - 1 for reward in first]
    assert set(sample.actions[:200].tolist()) == {2, 3}


def test_a_transition_is_followed_by_its_own_next_state():
    replay = Replay(capacity=6, steps=2, slots=3, vocabulary=100)
    prompts = [np.array([place], dtype=np.int32) for place in range(9)]
    replay.add(prompts, np.arange(6).reshape(2, 3), np.zeros((2, 3), np.float32), np.zeros((2, 3), bool))
    batch = replay.sample(50, np.random.default_rng(1))
    states = [int(prompt[0]) for prompt in batch.prompts]
    assert states == batch.actions.tolist() and set(states) == set(range(6))
    assert [int(prompt[0]) for prompt in batch.next_prompts] == [state + 3 for state in states]


@pytest.mark.parametrize("chunks", [0, 1, 4])
def test_the_replay_is_stored_exactly(tmp_path, chunks):
    stored, read = (Replay(capacity=20, steps=2, slots=3, vocabulary=100) for _ in range(2))
    for number in range(chunks):
        stored.add(*chunk(number))
    stored.save(tmp_path)
    read.restore(tmp_path)
    assert (len(read), read.nbytes) == (len(stored), stored.nbytes)
    if chunks:
        one, two = (replay.sample(40, np.random.default_rng(2)) for replay in (stored, read))
        for name in ("prompts", "next_prompts"):
            assert [p.tolist() for p in getattr(one, name)] == [p.tolist() for p in getattr(two, name)]
        for name in ("actions", "rewards", "ends"):
            assert np.array_equal(getattr(one, name), getattr(two, name))
