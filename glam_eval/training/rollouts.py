"""A batch of experience: what every environment's agent saw, did and received."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import entr

from glam_eval.core.seeds import stream
from glam_eval.core.world import EpisodeSummary, Situation
from glam_eval.policies.base import Policy, sample_actions
from glam_eval.policies.recall import RecallingPolicy
from glam_eval.training.actors import Actors


@dataclass(frozen=True, slots=True)
class Rollout:
    """T steps of n environments; arrays are (T, n) unless said otherwise."""

    inputs: list[list[Any]]  # T lists of n prepared inputs
    actions: NDArray[np.int64]
    log_probabilities: NDArray[np.float32]  # of the actions taken
    values: NDArray[np.float32]  # critic, in scaled reward
    rewards: NDArray[np.float32]  # scaled
    ends: NDArray[np.bool_]  # the episode ended with this step
    cut_values: NDArray[np.float32]  # critic at the state where time ran out, else 0
    last_values: NDArray[np.float32]  # (n,) critic after the last step
    memories: torch.Tensor | None  # (T, n, memory) before each step, for recurrent policies
    finished: list[EpisodeSummary]
    information: float  # of action and prompt over the batch, in nats
    seconds_environment: float
    seconds_policy: float
    seconds_tokenizing: float
    retold: list[list[Any]] | None = None  # as inputs: the same situations told in another template


class _Information:
    """Sums over prompts, each as likely as another, of which I(A;X) = H(A) - H(A|X) is made."""

    def __init__(self) -> None:
        self._chances: dict[tuple[str, ...], NDArray[np.float64]] = {}  # by the actions offered
        self._entropies, self._prompts = 0.0, 0

    def add(self, log_probabilities: NDArray[np.float32], offered: Sequence[tuple[str, ...]]) -> None:
        """Add prompts, shape (prompts, actions); an action that is not offered has probability 0.

        Args:
            log_probabilities: of the policy.
            offered: the actions of each prompt; equal phrases are one action.
        """
        chances = np.exp(log_probabilities.astype(np.float64))
        for actions in dict.fromkeys(offered):
            rows = [row for row, each in enumerate(offered) if each == actions]
            summed = chances[rows, : len(actions)].sum(axis=0)
            self._chances[actions] = self._chances.get(actions, 0.0) + summed
        self._entropies += float(entr(chances).sum())
        self._prompts += len(chances)

    def value(self) -> float:
        """Return the mutual information in nats; rounding never makes it negative."""
        by_action: dict[str, float] = {}
        for actions, chances in self._chances.items():
            for action, chance in zip(actions, chances.tolist(), strict=True):
                by_action[action] = by_action.get(action, 0.0) + chance
        entropy = float(entr(np.array(list(by_action.values())) / self._prompts).sum())
        return max(0.0, entropy - self._entropies / self._prompts)


class Collector:
    """Collects rollouts; carries a recurrent policy's memory from one to the next."""

    def __init__(self, policy: Policy, actors: Actors, seed: int, retold: Sequence[str] = ()) -> None:
        """Collect by a policy in actors; what is seen is told again in one of the templates ``retold``."""
        self._policy, self._retold = policy, retold
        self._actors = actors
        self._seed = seed
        size = policy.memory_size
        self.memory = torch.zeros(actors.slots, size) if size else None

    @torch.no_grad()
    def collect(self, steps: int, update: int, reward_scale: float) -> Rollout:
        """Act for ``steps`` steps; the draws of an update depend on the seed and its number alone."""
        policy, slots = self._policy, self._actors.slots
        frozen = RecallingPolicy(policy)
        uniforms = stream(self._seed, "rollout", update).random((steps, slots))
        actions = np.zeros((steps, slots), dtype=np.int64)
        log_probabilities, values, rewards, cut_values = np.zeros((4, steps, slots), dtype=np.float32)
        ends = np.zeros((steps, slots), dtype=np.bool_)
        inputs: list[list[Any]] = []
        retold: list[list[Any]] = []
        drawn = stream(self._seed, "retold", update).integers(max(1, len(self._retold)), size=(steps, slots))
        memories: list[torch.Tensor] = []
        finished: list[EpisodeSummary] = []
        information = _Information()
        began, in_environment, in_tokenizer = time.perf_counter(), 0.0, 0.0
        for t in range(steps):
            entered = time.perf_counter()
            situations = self._actors.situations()
            left = time.perf_counter()
            in_environment += left - entered
            inputs.append([policy.prepare(situation) for situation in situations])
            if self._retold:
                others = zip(situations, drawn[t], strict=True)
                retold.append([policy.prepare(self._retell(each, int(first))) for each, first in others])
            in_tokenizer += time.perf_counter() - left
            if self.memory is not None:
                memories.append(self.memory)
            output = frozen.evaluate(inputs[t], self.memory)
            distribution = output.log_probabilities.float().cpu().numpy()
            information.add(distribution, [situation.actions for situation in situations])
            actions[t] = sample_actions(distribution, uniforms[t])
            log_probabilities[t] = distribution[np.arange(slots), actions[t]]
            values[t] = output.values.float().cpu().numpy()
            entered = time.perf_counter()
            step = self._actors.step(actions[t].tolist())
            in_environment += time.perf_counter() - entered
            rewards[t] = [reward_scale * result.reward for result in step.results]
            ends[t] = [result.done for result in step.results]
            finished += step.finished
            if step.last_situations:
                cut = list(step.last_situations)
                cut_inputs = [policy.prepare(situation) for situation in step.last_situations.values()]
                memory = None if output.memory is None else output.memory[cut]
                cut_values[t, cut] = frozen.evaluate(cut_inputs, memory).values.float().cpu().numpy()
            if output.memory is not None:
                self.memory = output.memory * torch.from_numpy(~ends[t]).to(output.memory)[:, None]
        last = frozen.evaluate([policy.prepare(s) for s in self._actors.situations()], self.memory)
        seconds = time.perf_counter() - began
        return Rollout(
            inputs,
            actions,
            log_probabilities,
            values,
            rewards,
            ends,
            cut_values,
            last.values.float().cpu().numpy(),
            torch.stack(memories) if memories else None,
            finished,
            information.value(),
            in_environment,
            seconds - in_environment - in_tokenizer,
            in_tokenizer,
            retold or None,
        )

    def _retell(self, situation: Situation, first: int) -> Situation:
        """Return a situation in the first template, from the one drawn on, whose prompt is another."""
        names = (*self._retold[first:], *self._retold[:first])
        prompts = (situation.retell(name) for name in names)
        other = next((prompt for prompt in prompts if prompt != situation.prompt), situation.prompt)
        return replace(situation, prompt=other)
