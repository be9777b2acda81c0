"""Who computes a run's batches: one process, or several, each with a device."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Protocol, TypeVar

import torch

from glam_eval.policies.base import Policy, PolicyOutput
from glam_eval.policies.lanes import add_gradients, lane_count
from glam_eval.training.optimisers import Make, OwnSteps, Steps
from glam_eval.training.ranks import frozen_alone

Part = TypeVar("Part")
Result = TypeVar("Result")
Work = Callable[[Policy, Part], tuple[torch.Tensor, Result]]


class Crew(Protocol):
    """The processes that compute a run's batches."""

    ranks: int

    def lanes(self) -> int:
        """Return how many parts of a batch each rank computes side by side."""

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Return the policy's ``frozen`` of all ranks together; one at a time is valid."""

    def add_gradients(self, work: Work[Part, Result], parts: Sequence[Part], lanes: int) -> list[Result]:
        """Add the gradient of every part's loss to what the next step goes by; return the results.

        Args:
            work: returns of the policy and a part its loss, a scalar, and whatever else is wanted; picklable,
                as parts are.
            parts: what to compute, shared out among the ranks.
            lanes: parts side by side in each rank, as ``lanes`` gives it.
        """

    def steps(self, make: Make) -> Steps:
        """Return the gradient steps by the optimiser that ``make``, picklable, makes of the policy; once."""

    def finite(self) -> bool:
        """Whether every weight is finite."""

    def whole(self) -> AbstractContextManager[None]:
        """Return within what the policy's weights are all in this process, so that it can be saved."""

    def close(self) -> None:
        """End the other processes."""


class Alone:
    """The crew of a run on one device: this process."""

    ranks = 1

    def __init__(self, policy: Policy) -> None:
        self._policy, self._parameters = policy, list(policy.parameters())

    def lanes(self) -> int:
        """Return as many as this device takes."""
        return lane_count(self._parameters[0].device, self._policy.count_parameters())

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Return the policy's own."""
        return frozen_alone(self._policy)

    def add_gradients(self, work: Work[Part, Result], parts: Sequence[Part], lanes: int) -> list[Result]:
        """Add the gradient of every part here."""
        return add_gradients(partial(work, self._policy), parts, self._parameters, lanes)

    def steps(self, make: Make) -> Steps:
        """Return steps taken here."""
        return OwnSteps(make(self._policy), self.changed)

    def changed(self) -> None:
        """Do nothing: there are no other weights."""

    def finite(self) -> bool:
        """Whether every weight is finite."""
        ends = [torch.stack(torch.aminmax(each.detach())).float() for each in self._policy.parameters()]
        return not ends or bool(torch.stack([end.to(ends[0].device) for end in ends]).isfinite().all())

    def whole(self) -> AbstractContextManager[None]:
        """Do nothing: they are."""
        return nullcontext()

    def close(self) -> None:
        """Do nothing: there is no other process."""
