"""Steps down a gradient: clipped, taken and forgotten; what an optimiser keeps, read and written."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from glam_eval.policies.base import Policy

Make = Callable[[Policy], torch.optim.Optimizer]


class Steps(Protocol):
    """The gradient steps of a learner, wherever its weights are."""

    def step(self, rates: Sequence[float], most: float) -> float:
        """Scale the gradient down to a norm, take a step, forget the gradient; return the norm it had.

        No step is taken where that is not finite.

        Args:
            rates: the learning rate of each group of parameters.
            most: the largest norm.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return what the optimiser keeps, as torch's does, whole."""

    def restore(self, file: Path) -> None:
        """Take the ``optimizer`` of a file of ``torch.save``."""


class OwnSteps:
    """Steps of a policy whose weights are all in this process."""

    def __init__(self, optimizer: torch.optim.Optimizer, changed: Callable[[], None]) -> None:
        """Step by an optimiser; ``changed`` is told after each step."""
        self._optimizer, self._changed = optimizer, changed

    def step(self, rates: Sequence[float], most: float) -> float:
        """Do what ``Steps.step`` says."""
        norm = float(torch.nn.utils.clip_grad_norm_(parameters_of(self._optimizer), most))
        if math.isfinite(norm):
            take_step(self._optimizer, rates)
            self._changed()
        return norm

    def state_dict(self) -> dict[str, Any]:
        """Return the optimiser's."""
        return self._optimizer.state_dict()

    def restore(self, file: Path) -> None:
        """Take what a file holds."""
        self._optimizer.load_state_dict(stored_optimizer(file))


def parameters_of(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """Return the parameters of all groups."""
    return [each for group in optimizer.param_groups for each in group["params"]]


def take_step(optimizer: torch.optim.Optimizer, rates: Sequence[float]) -> None:
    """Take a step with a learning rate for each group of parameters, and forget the gradient."""
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def stored_optimizer(file: Path, mapped: bool = False) -> dict[str, Any]:
    """Return the ``optimizer`` of a file; mapped, its tensors are read where they are used: copy them."""
    state: dict[str, Any] = torch.load(file, weights_only=True, map_location="cpu", mmap=mapped)["optimizer"]
    return state
