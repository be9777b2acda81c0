"""Probes: what a policy would do in fixed drawn situations, asked again and again while it learns.

Asked after update k, which is before the first gradient step of update k + 1, as in the paper's "policy
evolution". Asking draws nothing at random and changes nothing, so training is the same with and without.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.answer_records import ProbeRecord
from glam_eval.core.world import EpisodeState, Situation
from glam_eval.environments import make_environment
from glam_eval.environments.probes import PROBES_LEVEL, Probe, probes
from glam_eval.policies.base import Policy, check_distributions
from glam_eval.protocols.returns import unscaled_value
from glam_eval.protocols.scenes import environment_of

Answer = list[tuple[list[float], float]]  # log-probabilities and value on each prompt


@dataclass(frozen=True, slots=True)
class PromptedProbe:
    """A probe as an agent reads it under a condition."""

    condition: str
    probe: Probe
    situation: Situation

    @property
    def name(self) -> str:
        """What tells it from every other prompt of a run."""
        return f"{self.condition}/{self.probe.name}"


def probe_situations(run: RunConfig, protocol: ProtocolConfig) -> list[PromptedProbe]:
    """Return the probes of a protocol in the words and prompts of a run, for each condition in turn.

    Probes that need an action which the run's action set lacks are left out.
    """
    return [each for condition in protocol.conditions for each in _situations(run, protocol, condition)]


def _situations(
    run: RunConfig, protocol: ProtocolConfig, condition: ConditionConfig
) -> Iterator[PromptedProbe]:
    environment = make_environment(environment_of(run, condition).changed(level=PROBES_LEVEL, options={}), 1)
    offered = set(range(len(environment.actions)))
    for number, probe in enumerate(probes()):
        chosen = not protocol.tasks or probe.task in protocol.tasks
        if chosen and offered >= {*probe.taken, *probe.expected}:
            environment.restore(0, EpisodeState(number, probe.taken))
            yield PromptedProbe(condition.label, probe, environment.situations()[0])


class Prober:
    """Asks one policy the same prompts; what it has not yet handed over is in ``state``."""

    def __init__(self, policy: Policy, run: RunConfig, protocol: ProtocolConfig) -> None:
        self._policy, self._run, self._every = policy, run, protocol.every
        self._prompts = probe_situations(run, protocol)
        self._inputs = [policy.prepare(each.situation) for each in self._prompts]
        self._initial: dict[str, list[float]] = {}  # log-probabilities before training, by prompt's name
        self._pending: dict[int, Answer] = {}  # by frames
        self._asked = -1  # updates

    def restored(self, state: dict[str, Any]) -> Self:
        """Go on from a state; returns itself."""
        self._initial = state["initial"]
        self._pending = {int(frames): answer for frames, answer in state["pending"].items()}
        self._asked = state["asked"]
        return self

    def state(self) -> dict[str, Any]:
        """Return everything that further records depend on, as JSON-serialisable values."""
        return {"initial": self._initial, "pending": self._pending, "asked": self._asked}

    def ask(self, update: int) -> None:
        """Ask after an update, unless it was done, or the protocol skips this one."""
        due = update % self._every == 0 or update == self._run.updates
        if not due or update == self._asked:
            return
        answer = self._answer()
        if update == 0:
            names = (each.name for each in self._prompts)
            self._initial = {name: scores for name, (scores, _) in zip(names, answer, strict=True)}
        self._pending[update * self._run.frames_per_update] = answer
        self._asked = update

    @torch.no_grad()
    def _answer(self) -> Answer:
        """Return the policy's answer to every prompt; raises a RunFailedError where it is NaN."""
        answer: Answer = []
        for condition in dict.fromkeys(each.condition for each in self._prompts):
            pairs = zip(self._prompts, self._inputs, strict=True)
            output = self._policy.evaluate([one for each, one in pairs if each.condition == condition])
            scores = output.log_probabilities.float().cpu().numpy()
            check_distributions(scores)
            answer += zip(scores.tolist(), output.values.float().tolist(), strict=True)
        return answer

    def records(self) -> list[ProbeRecord]:
        """Return and forget the rows of everything asked since the last call, one for each action."""
        rows = [row for frames, answer in self._pending.items() for row in self._rows(frames, answer)]
        self._pending = {}
        return rows

    def _rows(self, frames: int, answer: Answer) -> Iterator[ProbeRecord]:
        for prompted, (scores, value) in zip(self._prompts, answer, strict=True):
            probabilities, entropy = np.exp(scores), entropy_of(scores)
            initial = self._initial.get(prompted.name)
            divergence = divergence_of(scores, initial) if initial else math.nan
            for index, action in enumerate(prompted.situation.actions):
                yield ProbeRecord(
                    run_id=self._run.run_id,
                    agent=self._run.agent,
                    model=self._run.model,
                    seed=self._run.seed,
                    frames=frames,
                    probe=prompted.probe.name,
                    action=action,
                    expected=index in prompted.probe.expected,
                    probability=float(probabilities[index]),
                    shift=prompted.condition,
                    prompt=prompted.situation.prompt,
                    entropy=entropy,
                    kl=divergence,
                    value=unscaled_value(self._run, value),
                )


def entropy_of(scores: list[float]) -> float:
    """Return the entropy in nats of a policy given by log-probabilities."""
    return -divergence_of(scores, [0.0] * len(scores))


def divergence_of(scores: list[float], others: list[float]) -> float:
    """Return KL(p || q) in nats of two policies given by log-probabilities."""
    p, q = np.asarray(scores), np.asarray(others)
    taken = p > -np.inf
    return float(np.sum(np.exp(p[taken]) * (p[taken] - q[taken])))
