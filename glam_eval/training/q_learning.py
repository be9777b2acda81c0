"""Q-learning for DRRN: uniform replay, softmax exploration, no target network (arXiv 1511.04636)."""

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from glam_eval.config.learners import QLearningConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.core.seeds import stream
from glam_eval.core.world import EpisodeSummary
from glam_eval.policies.base import sample_actions
from glam_eval.policies.drrn import DRRNPolicy
from glam_eval.policies.scoring.tree import Actions
from glam_eval.training.actors import Actors
from glam_eval.training.learners import TENSORS_FILE, Learned
from glam_eval.training.replay import Replay, Transitions


class QLearner:
    """Acts by the policy's softmax, remembers, and takes a gradient step every few steps.

    The policy is a ``DRRNPolicy``, or anything with its ``prepare``, ``q_values`` and ``parameters``.
    """

    def __init__(self, policy: DRRNPolicy, actors: Actors, config: QLearningConfig, seed: int) -> None:
        self._policy, self._actors, self._config, self._seed = policy, actors, config, seed
        self._parameters = list(policy.parameters())
        self._optimizer = torch.optim.Adam(self._parameters, lr=config.learning_rate)
        vocabulary = policy.words.num_embeddings
        self.replay = Replay(config.replay, config.steps_per_gradient, actors.slots, vocabulary)

    def update(self, number: int) -> Learned:
        """Act and learn for ``steps`` steps; raises RunFailedError if a loss is not finite."""
        finished: list[EpisodeSummary] = []
        losses: list[float] = []
        norms: list[float] = []
        entropies: list[float] = []
        seconds = np.zeros(4)  # environment, policy, update, tokenizing
        uniforms = stream(self._seed, "rollout", number).random((self._config.steps, self._actors.slots))
        parts = np.split(uniforms, self._config.steps // self._config.steps_per_gradient)
        for part, uniform in enumerate(parts):
            actions = self._act(uniform, finished, entropies, seconds)
            began = time.perf_counter()
            draws = stream(self._seed, "replay", number, part)
            batch = self.replay.sample(self._config.batch, draws, self._config.rewarded_share)
            loss, norm = self._gradient_step(batch, actions, number)
            seconds[2] += time.perf_counter() - began
            losses.append(loss)
            norms.append(norm)
        return Learned(
            finished=finished,
            learning_rate=self._config.learning_rate,
            value_loss=float(np.mean(losses)),
            entropy=float(np.mean(entropies)),
            grad_norm=float(np.mean(norms)),
            seconds_environment=float(seconds[0]),
            seconds_policy=float(seconds[1]),
            seconds_update=float(seconds[2]),
            seconds_tokenizing=float(seconds[3]),
            replay_bytes=self.replay.nbytes,
        )

    @torch.no_grad()
    def _act(
        self, draws: np.ndarray, finished: list[EpisodeSummary], entropies: list[float], seconds: np.ndarray
    ) -> Actions:
        """Act for the steps of a chunk (draws: steps, slots), remember them; return the actions offered."""
        shape = draws.shape
        actions, rewards = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.float32)
        ends = np.zeros(shape, dtype=np.bool_)
        inputs = [self._policy.prepare(situation) for situation in self._actors.situations()]
        prompts = [each.prompt for each in inputs]
        for t, row in enumerate(draws):
            began = time.perf_counter()
            current = prompts[-shape[1] :]
            scores = self._policy.q_values(current, [each.actions for each in inputs]).log_softmax(dim=1)
            entropies.append(float(-(scores.exp() * scores).nansum(dim=1).mean()))
            actions[t] = sample_actions(scores.float().cpu().numpy(), row)
            chosen = time.perf_counter()
            step = self._actors.step(actions[t].tolist())
            rewards[t] = [self._config.reward_scale * result.reward for result in step.results]
            ends[t] = [result.done for result in step.results]
            finished += step.finished
            situations = self._actors.situations()
            stepped = time.perf_counter()
            prompts += [self._policy.prepare(situation).prompt for situation in situations]
            seconds += (stepped - chosen, chosen - began, 0.0, time.perf_counter() - stepped)
        self.replay.add(prompts, actions, rewards, ends)
        return inputs[0].actions

    def _gradient_step(self, batch: Transitions, actions: Actions, update: int) -> tuple[float, float]:
        """Move the values of the actions taken towards reward + discount x the best next value."""
        offered = [actions] * len(batch.prompts)
        device = self._policy.device
        with torch.no_grad():
            best = self._policy.q_values(batch.next_prompts, offered).amax(dim=1)
        continues = torch.from_numpy(~batch.ends).to(device)
        targets = torch.from_numpy(batch.rewards).to(device) + self._config.discount * continues * best
        values = self._policy.q_values(batch.prompts, offered)
        taken = values.gather(1, torch.from_numpy(batch.actions).to(device)[:, None]).squeeze(1)
        loss = F.smooth_l1_loss(taken, targets)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, self._config.max_grad_norm))
        if not math.isfinite(norm):
            raise RunFailedError(
                f"loss or gradient is not finite in update {update}: lower q_learning.learning_rate "
                f"(now {self._config.learning_rate:g})"
            )
        self._optimizer.step()
        return loss.item(), norm

    def save(self, directory: Path) -> None:
        """Write the optimiser and the replay."""
        torch.save({"optimizer": self._optimizer.state_dict()}, directory / TENSORS_FILE)
        self.replay.save(directory)

    def restore(self, directory: Path) -> None:
        """Restore the optimiser and the replay."""
        tensors: dict[str, Any] = torch.load(directory / TENSORS_FILE, weights_only=True)
        self._optimizer.load_state_dict(tensors["optimizer"])
        self.replay.restore(directory)
