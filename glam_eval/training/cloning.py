"""Behavioural cloning: AdamW on the cross-entropy of demonstrated actions."""

import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glam_eval.config.learners import CloningConfig
from glam_eval.core.errors import RunFailedError
from glam_eval.core.records import DemonstrationRecord
from glam_eval.core.seeds import stream
from glam_eval.core.world import Observation, Situation
from glam_eval.policies.base import Policy
from glam_eval.training.batches import parts_of
from glam_eval.training.crew import Alone, Crew
from glam_eval.training.learners import TENSORS_FILE, Learned

_UNSEEN = Observation("", (), np.empty(0, np.uint8), 0)  # language models read the prompt alone


class Cloner:
    """Learns from demonstrations in shuffled order, each once before any is repeated.

    The loss is the cross-entropy of the action taken under the policy itself, that is normalised over the
    actions offered: what is evaluated is what is fitted, for scoring and for heads alike.
    """

    def __init__(
        self,
        policy: Policy,
        demonstrations: Sequence[DemonstrationRecord],
        settings: CloningConfig,
        seed: int,
        updates: int,
        crew: Crew | None = None,
    ) -> None:
        """Start a learner of a policy; ``updates`` is the length of its schedule.

        Raises:
            RunFailedError: if there is nothing to imitate.
        """
        if not demonstrations:
            raise RunFailedError("there are no demonstrations to imitate")
        self._policy, self._settings, self._seed, self._updates = policy, settings, seed, updates
        self._crew = crew or Alone(policy)
        self._inputs = [
            policy.prepare(Situation(_UNSEEN, each.prompt, tuple(each.actions), _nobody))
            for each in demonstrations
        ]
        self._actions = torch.tensor([each.action for each in demonstrations])
        self._steps = self._crew.steps(partial(_adam, settings))

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a gradient step, counted from 1: linear warm-up, then a cosine to 0."""
        total = self._updates * self._settings.steps
        warmup = math.ceil(self._settings.warmup * total)
        if step <= warmup:
            return self._settings.learning_rate * step / warmup
        done = (step - warmup) / max(1, total - warmup)
        return self._settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def update(self, number: int) -> Learned:
        """Take ``steps`` gradient steps; raises RunFailedError if a loss is not finite."""
        began = time.perf_counter()
        sums, norms = np.zeros(2), []
        last = number * self._settings.steps
        for step in range(last - self._settings.steps + 1, last + 1):
            part, norm = self._gradient_step(step, number)
            sums += part
            norms.append(norm)
        loss, entropy = (sums / self._settings.frames_per_update).tolist()
        return Learned(
            finished=[],
            learning_rate=self.learning_rate(last),
            policy_loss=loss,
            entropy=entropy,
            grad_norm=float(np.mean(norms)),
            seconds_update=time.perf_counter() - began,
        )

    def _minibatch(self, step: int) -> NDArray[np.int64]:
        """Return the demonstrations of a gradient step: the next ones of an endless row of permutations."""
        size, count = self._settings.minibatch, len(self._inputs)
        places = np.arange((step - 1) * size, step * size)
        passes = {
            epoch: stream(self._seed, "cloning", epoch).permutation(count)
            for epoch in range(int(places[0] // count), int(places[-1] // count) + 1)
        }
        return np.array([passes[place // count][place % count] for place in places.tolist()])

    def _gradient_step(self, step: int, update: int) -> tuple[NDArray[np.float64], float]:
        """Return a minibatch's summed cross-entropy and policy entropy, and the gradient's norm."""
        minibatch = self._minibatch(step)
        inputs = [self._inputs[index] for index in minibatch]

        lanes, ranks = self._crew.lanes(), self._crew.ranks
        at_once = ranks * (self._settings.micro_batch_tokens or self._policy.cost_at_once)
        parts = [
            ([inputs[index] for index in part], self._actions[torch.from_numpy(minibatch[part])])
            for part in parts_of(self._policy, inputs, at_once, lanes * ranks)
        ]
        work = partial(_part, len(minibatch))
        sums = np.sum([each.numpy() for each in self._crew.add_gradients(work, parts, lanes)], axis=0)
        norm = self._steps.step([self.learning_rate(step)], self._settings.max_grad_norm)
        if not math.isfinite(norm):
            raise RunFailedError(
                f"loss or gradient is not finite in update {update}: lower cloning.learning_rate "
                f"(now {self._settings.learning_rate:g})"
            )
        return sums, norm

    def save(self, directory: Path) -> None:
        """Write the optimiser; the demonstrations are stored in a table of their own."""
        torch.save({"optimizer": self._steps.state_dict()}, directory / TENSORS_FILE)

    def restore(self, directory: Path) -> None:
        """Restore the optimiser."""
        self._steps.restore(directory / TENSORS_FILE)


def _adam(settings: CloningConfig, policy: Policy) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        policy.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )


def _part(
    demonstrations: int, policy: Policy, part: tuple[list[Any], torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a part's share in the loss of so many demonstrations, and its summed loss and entropy."""
    inputs, actions = part
    scores = policy.evaluate(inputs).log_probabilities
    loss = -scores.gather(1, actions.to(scores.device)[:, None]).sum()
    with torch.no_grad():
        entropy = -(scores.exp() * scores).nansum()
    return loss / demonstrations, torch.stack([loss.detach(), entropy]).double()


def _nobody() -> int:
    raise ValueError("a demonstration has no expert to ask")
