"""Ranks of which each holds a part of every weight and of Adam's moments: for models that no device holds.

The first rank carries the run out. Whatever it asks of the policy, all ranks compute at once.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from glam_eval.config.run import RunConfig
from glam_eval.core.errors import LostRankError
from glam_eval.policies.base import PolicyOutput
from glam_eval.policies.language_model import LanguageModelPolicy
from glam_eval.training.batches import parts_of
from glam_eval.training.crew import Part, Work
from glam_eval.training.divided import joined
from glam_eval.training.optimisers import Make, Steps
from glam_eval.training.other_ranks import OtherRanks
from glam_eval.training.ranks import lost_contact
from glam_eval.training.shard import Shard, norm_of

Result = TypeVar("Result")

_LAST_WORDS = 10.0  # seconds that another rank has to say why it broke off what all do at once


class ShardedRanks:
    """The crew of a run with shared-out weights, as seen by rank 0."""

    def __init__(
        self,
        config: RunConfig,
        policy: LanguageModelPolicy,
        actions: int,
        devices: Sequence[str],
        checkpoint: Path | None,
    ) -> None:
        """Start the other ranks, and share out the weights.

        Args:
            config: the run.
            policy: of this process, in the processor's memory.
            actions: number of actions offered.
            devices: one a rank.
            checkpoint: which ``policy`` was restored from, if any.

        Raises:
            RunFailedError: if a rank can't start.
        """
        self.ranks, self._policy = len(devices), policy
        self.others = OtherRanks()
        self._busy = False  # within what all ranks do at once
        self._place = tempfile.TemporaryDirectory(prefix="glam-eval-ranks-")  # this user's alone
        store = str(Path(self._place.name) / "store")
        self._shard = Shard(policy, devices[0], 0, self.ranks, store)
        try:
            for rank, device in enumerate(devices[1:], 1):
                self.others.begin("sharded", (config, actions, device, checkpoint, rank, self.ranks, store))
            with self.others.answering():
                self.others.told()
            self._together("join")
        except BaseException:
            self.close()
            raise
        policy.divide(self.frozen, self._compute)

    def _together(self, order: str, *given: Any, shares: Sequence[Any] = ()) -> list[Any]:
        """Have all ranks do something at once; return their answers.

        Args:
            order: a method of ``Shard``.
            given: to all.
            shares: to each one, after what is given to all.
        """
        each = [(*given, *((shares[rank],) if shares else ())) for rank in range(self.ranks)]
        with self.others.answering():
            self.others.tell([(order, arguments) for arguments in each[1:]])
        with self._at_once():
            own = getattr(self._shard, order)(*each[0])
        with self.others.answering():
            return [own, *self.others.told()]

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """Do this rank's part within; where it breaks off because another one did, say which."""
        self._busy = True
        try:
            yield
        except RuntimeError as error:
            self.others.blame(_LAST_WORDS)
            if lost_contact(error):
                raise LostRankError(f"a rank of {self.ranks} is gone") from error
            raise
        finally:
            self._busy = False

    def lanes(self) -> int:
        """Return one: what ranks do at once has one order."""
        return 1

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Return the policy's answers; within what all ranks do at once, those of this one."""
        return self._policy.frozen_here() if self._busy else self._evaluate

    def _evaluate(self, inputs: Sequence[Any]) -> PolicyOutput:
        parts = parts_of(self._policy, inputs, self.ranks * self._policy.cost_without_gradients, self.ranks)
        shares = self._shares([([inputs[index] for index in part], True) for part in parts])
        answers = self._together("evaluate", shares=[[part for part, _ in share] for share in shares])
        found = [answers[index % self.ranks][index // self.ranks] for index in range(len(parts))]
        device = self._policy.model.device
        rows = joined([tuple(torch.from_numpy(each).to(device) for each in answer) for answer in found])
        order = torch.from_numpy(np.argsort(np.concatenate(parts))).to(device)
        return PolicyOutput(rows.log_probabilities[order], rows.values[order])

    def _shares(self, parts: Sequence[tuple[Any, bool]]) -> list[list[tuple[Any, bool]]]:
        """Return every so manieth part for each rank, as many for each: the last is repeated, uncounted."""
        lacking = -len(parts) % self.ranks
        filled = [*parts, *[(parts[-1][0], False)] * lacking]
        return [filled[rank :: self.ranks] for rank in range(self.ranks)]

    def _compute(self, work: Callable[[LanguageModelPolicy], Result]) -> Result:
        """Have every rank compute the same, as the weights it needs are everywhere."""
        if self._busy:
            return work(self._policy)
        result: Result = self._together("compute", work)[0]
        return result

    def add_gradients(self, work: Work[Part, Any], parts: Sequence[Part], lanes: int) -> list[Any]:  # noqa: ARG002
        """Have each rank compute every so manieth part; its part of the sum of gradients stays with it."""
        shares = self._shares([(part, True) for part in parts])
        results = self._together("add_gradients", work, shares=shares)
        return [results[index % self.ranks][index // self.ranks] for index in range(len(parts))]

    def steps(self, make: Make) -> Steps:
        """Have each rank make an optimiser of its parts."""
        self._together("optimise", make)
        return _Steps(self._together)

    def finite(self) -> bool:
        """Whether every weight is finite on its rank."""
        return all(self._together("finite"))

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Gather the weights in the processor's memory of this rank."""
        with self.others.answering():
            self.others.tell([("gather", ())] * (self.ranks - 1))
        with ExitStack() as gathered:
            with self._at_once():
                gathered.enter_context(self._shard.gathered(keep=True))
            with self.others.answering():
                self.others.told()
            yield

    def close(self) -> None:
        """End the other processes."""
        self.others.close()
        self._shard.leave()
        self._place.cleanup()


class _Steps:
    """Steps that every rank takes with its parts."""

    def __init__(self, together: Callable[..., list[Any]]) -> None:
        self._together = together

    def step(self, rates: Sequence[float], most: float) -> float:
        """Do what ``Steps.step`` says."""
        norm = norm_of(self._together("square"))
        if np.isfinite(norm):
            self._together("step", rates, norm, most)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """Return the optimiser's state, gathered in the processor's memory."""
        state: dict[str, Any] = self._together("optimizer_state")[0]
        return state

    def restore(self, file: Path) -> None:
        """Have each rank read its part of a file."""
        self._together("restore", file)
