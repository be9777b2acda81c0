"""What every policy is to learners and protocols: situations in, log-probabilities and values out."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from glam_eval.core.errors import RunFailedError
from glam_eval.core.records import RequestRecord
from glam_eval.core.world import Situation


@dataclass(frozen=True, slots=True)
class PolicyOutput:
    """A policy's answer to a batch of n inputs."""

    log_probabilities: torch.Tensor  # (n, actions) float32; -inf where an action is not offered
    values: torch.Tensor  # (n,) float32; zeros without a critic
    memory: torch.Tensor | None = None  # (n, memory_size) after this step, for recurrent policies
    roots: torch.Tensor | None = None  # (n, width) states that the heads read, of language models


class Policy(Protocol):
    """A decision rule over the actions offered; the same code path serves rollouts and updates."""

    memory_size: int  # 0 unless recurrent
    cost_at_once: int  # of the inputs that one backward pass holds in memory, unless the learner says

    def prepare(self, situation: Situation) -> Any:
        """Encode a situation into the compact, picklable input that ``evaluate`` takes."""

    def cost(self, prepared: Any) -> int:
        """Return the size of a prepared input (tokens for language models), by which batches are bucketed."""

    def key(self, prepared: Any) -> Hashable | None:
        """Return what equal inputs have in common, or None where looking for equals is not worth it."""

    def evaluate(self, inputs: Sequence[Any], memory: torch.Tensor | None = None) -> PolicyOutput:
        """Score a batch; differentiable unless called under ``torch.no_grad``."""

    def parameters(self) -> Iterable[torch.nn.Parameter]:
        """Yield the trainable parameters (none for policies that do not learn)."""

    def save(self, directory: Path) -> None:
        """Write everything that ``load`` needs into an existing directory."""

    def load(self, directory: Path) -> None:
        """Restore what ``save`` wrote, exactly."""

    def count_parameters(self) -> int:
        """Return the number of parameters, trainable and frozen."""


def sample_actions(
    log_probabilities: NDArray[np.float32], uniforms: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Draw one action a row by inverting its cumulative distribution at a uniform draw.

    Shapes: (n, actions) and (n,) -> (n,). The draws are arguments, so that equal draws on equal policies
    give equal actions whatever else is in the batch.

    Raises:
        RunFailedError: if a log-probability is NaN.
    """
    check_distributions(log_probabilities)
    cumulative = np.exp(log_probabilities.astype(np.float64)).cumsum(axis=1)
    thresholds = uniforms * cumulative[:, -1]
    chosen: NDArray[np.int64] = (cumulative <= thresholds[:, None]).sum(axis=1)
    return chosen.clip(max=cumulative.shape[1] - 1)


def check_distributions(log_probabilities: NDArray[np.float32]) -> None:
    """Raise a RunFailedError if any row of log-probabilities, (n, actions), is NaN or offers no action.

    A policy that became NaN would otherwise act, and be stored as one that never succeeds.
    """
    most = log_probabilities.max(axis=1)  # NaN where any is; -inf where no action is left
    if not np.isfinite(most).all():
        raise RunFailedError(
            "the policy's log-probabilities are NaN or infinite: its weights are damaged, "
            "or the learning rate is too high"
        )


@runtime_checkable
class NormalizedPolicy(Protocol):
    """A policy that normalises by running statistics, which are renewed between updates, never during one."""

    def refresh_statistics(self, inputs: Sequence[Any]) -> None:
        """Bring the statistics nearer to those of the prepared inputs."""


@runtime_checkable
class HeadedPolicy(Protocol):
    """A policy with new networks on a pretrained one."""

    def head_parameters(self) -> Iterable[torch.nn.Parameter]:
        """Yield the parameters of what is new."""


@runtime_checkable
class RepresentingPolicy(Protocol):
    """A policy whose outputs hold the states that it decides by, ``PolicyOutput.roots``."""

    def represent(self, inputs: Sequence[Any]) -> torch.Tensor:
        """Return these states alone, (n, width) float32; differentiable unless under ``torch.no_grad``."""


@runtime_checkable
class PrefixSharingPolicy(Protocol):
    """A policy that computes once what the beginnings of its inputs have in common."""

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Return ``evaluate`` without gradients, which remembers inputs; valid until the weights change."""

    def parts(self, inputs: Sequence[Any], limit: int, lanes: int) -> Sequence[Sequence[int]] | None:
        """Return indices of inputs in parts that share most, of which ``lanes`` together cost ``limit``.

        None where inputs share nothing but being equal.
        """


@runtime_checkable
class DividedPolicy(PrefixSharingPolicy, Protocol):
    """A policy whose answers several devices can share out among them."""

    def divide(self, frozen: Callable[[], Callable[[Sequence[Any]], PolicyOutput]]) -> None:
        """Let ``frozen`` ask them all from now on."""

    def frozen_here(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Return ``frozen`` of this device alone."""


@runtime_checkable
class SequencePolicy(Protocol):
    """A recurrent policy that reads whole sequences faster than step by step."""

    def evaluate_sequences(
        self, inputs: Sequence[Sequence[Any]], memory: torch.Tensor, continues: torch.Tensor
    ) -> PolicyOutput:
        """Score T steps of n sequences: the answers to all inputs, (T n) rows, step after step.

        The memory (n, memory_size) is that before the first step; ``continues`` (T, n) is 0 where an episode
        ends with a step, after which the memory is cleared, else 1.
        """


@dataclass(frozen=True, slots=True)
class Place:
    """Where an episode stands in a study: what is drawn in it depends on the run's seed and on this."""

    protocol: str
    shift: str  # name of the condition
    frames: int
    scene: int


class NoAnswerError(Exception):
    """An episode can't go on, because no answer came; the message says why, in a few words."""


class Answerer(Protocol):
    """Who plays one episode step by step, and remembers it."""

    requests: list[RequestRecord]  # those of the steps so far

    def act(self, situation: Situation) -> int:
        """Return the action, by index, or ``IDLE``; waits as long as it takes, in a thread of its own.

        Raises:
            NoAnswerError: if none came; the episode can't go on.
        """


@runtime_checkable
class AnsweringPolicy(Protocol):
    """A policy that waits for its actions, as a server's does: episodes go on side by side."""

    at_once: int  # episodes

    def answerer(self, place: Place) -> Answerer:
        """Return who plays an episode."""

    def keep(self, file: Path) -> None:
        """Keep every answer in a file from now on; what it holds already is not asked for again."""

    def halt(self) -> None:
        """Give up waiting, for good; answers that are on their way are kept."""
