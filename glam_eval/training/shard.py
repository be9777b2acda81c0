"""What each rank of a run with shared-out weights does; all are told the same at once."""

import math
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from glam_eval.config.run import RunConfig
from glam_eval.policies.base import Policy
from glam_eval.policies.lanes import fetched
from glam_eval.policies.sharding import full_tensor, local, part_like, share_out, weights_together
from glam_eval.training.agents import build_policy
from glam_eval.training.optimisers import Make, parameters_of, stored_optimizer, take_step
from glam_eval.training.ranks import prepare_device

Result = TypeVar("Result")

_PATIENCE = timedelta(minutes=10)  # of a rank with the others, which do the same work as itself
_EPSILON = 1e-6  # as in torch's ``clip_grad_norm_``


class Shard:
    """A rank: its part of each weight, and of what the optimiser keeps."""

    def __init__(self, policy: Policy, device: str, rank: int, ranks: int, store: str) -> None:
        """Prepare to share a policy's weights out.

        Args:
            policy: with all of its weights, in the processor's memory.
            device: of this rank.
            rank: its number.
            ranks: how many there are.
            store: a file that all of them find each other by, in a directory that no other user can enter.
        """
        self._policy, self._device, self._rank, self._ranks = policy, device, rank, ranks
        self._store = store
        self._optimizer: torch.optim.Optimizer

    def join(self) -> None:
        """Meet the other ranks, and share the weights out."""
        cuda = self._device.startswith("cuda")
        with _loopback_alone():
            dist.init_process_group(
                "nccl" if cuda else "gloo",
                store=dist.FileStore(self._store, self._ranks),  # type: ignore[attr-defined]
                rank=self._rank,
                world_size=self._ranks,
                timeout=_PATIENCE,
                device_id=torch.device(self._device) if cuda else None,  # connects now, not later
            )
            self._whole = share_out(self._policy, self._device, self._ranks)

    @torch.no_grad()
    def compute(self, work: Callable[[Any], Result]) -> Result | None:
        """Return what work returns of the policy, without gradients, on the first rank."""
        result: Result = self._whole(partial(work, self._policy))
        return result if self._rank == 0 else None

    @torch.no_grad()
    def evaluate(self, parts: Sequence[Sequence[Any]]) -> list[tuple[Any, Any]]:
        """Return log-probabilities and values of parts of inputs; every rank has as many parts."""
        answers = []
        for part in parts:
            output = self._whole(partial(self._policy.evaluate, part))
            scores, values = output.log_probabilities, output.values
            answers.append((scores.float().cpu().numpy(), values.float().cpu().numpy()))
        return answers

    def add_gradients(self, work: Callable[..., Any], parts: Sequence[tuple[Any, bool]]) -> list[Any]:
        """Add the gradients of parts that count; every rank has as many, those that don't included."""
        results = []
        for part, counts in parts:
            loss, result = self._whole(partial(work, self._policy, part))
            (loss if counts else 0 * loss).backward()
            results.append(fetched(result))
        return results

    def optimise(self, make: Make) -> None:
        """Make the optimiser."""
        self._optimizer = make(self._policy)

    def square(self) -> float:
        """Return the square of the norm of this rank's part of the gradient."""
        norms = [torch.linalg.vector_norm(each, dtype=torch.float64) for each in self._gradients()]
        return float(torch.stack(norms).square().sum()) if norms else 0.0

    def step(self, rates: Sequence[float], norm: float, most: float) -> None:
        """Take a step with the gradient, whose norm on all ranks together is known, scaled down to one."""
        if norm > most:
            for each in self._gradients():
                each.mul_(most / (norm + _EPSILON))
        take_step(self._optimizer, rates)

    def _gradients(self) -> list[torch.Tensor]:
        grads = (each.grad for each in parameters_of(self._optimizer))
        return [local(each) for each in grads if each is not None]

    def finite(self) -> bool:
        """Whether all weights held here are finite."""
        return all(bool(local(each.detach()).isfinite().all()) for each in self._policy.parameters())

    def optimizer_state(self) -> dict[str, Any]:
        """Return what the optimiser keeps, whole on the first rank, empty on others."""
        state = self._optimizer.state_dict()
        state["state"] = {
            index: {name: self._gathered(value) for name, value in values.items()}
            for index, values in state["state"].items()
        }
        return state if self._rank == 0 else {}

    def _gathered(self, value: Any) -> Any:
        whole = full_tensor(value) if isinstance(value, DTensor) else value
        return whole if self._rank == 0 else None

    def restore(self, file: Path) -> None:
        """Take this rank's part of an optimiser that any number of ranks wrote."""
        stored = stored_optimizer(file, mapped=True)
        weights = parameters_of(self._optimizer)
        stored["state"] = {
            index: {name: _part(value, weights[index]) for name, value in values.items()}
            for index, values in stored["state"].items()
        }
        self._optimizer.load_state_dict(stored)

    def gather(self) -> None:
        """Take part in gathering all weights, which the first rank has whole then."""
        with self.gathered(keep=False):
            pass

    def gathered(self, keep: bool) -> AbstractContextManager[None]:
        """Return within what all weights are in the processor's memory, where they are kept."""
        return weights_together(self._whole, keep)

    def leave(self) -> None:
        """Leave the other ranks."""
        if dist.is_initialized():
            dist.destroy_process_group()


@contextmanager
def _loopback_alone() -> Iterator[None]:
    """Have gloo and NCCL listen where no other machine reaches them: they would take the host's address."""
    name = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), "lo")
    ours = [each for each in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME") if each not in os.environ]
    os.environ.update(dict.fromkeys(ours, name))
    try:
        yield
    finally:
        for each in ours:
            del os.environ[each]


def norm_of(squares: Sequence[float]) -> float:
    """Return the norm of a gradient of whose parts the squared norms are given."""
    return math.sqrt(math.fsum(squares))


def make_member(
    config: RunConfig,
    actions: int,
    device: str,
    checkpoint: Path | None,
    rank: int,
    ranks: int,
    store: str,
) -> Shard:
    """Return another rank, which has a run's policy as in a checkpoint, or as at its start."""
    prepare_device(config.threads, device)
    policy = build_policy(config, actions, "cpu", checkpoint)
    return Shard(policy, device, rank, ranks, store)


def _part(value: Any, weight: torch.Tensor) -> Any:
    if not isinstance(value, torch.Tensor):
        return value
    if isinstance(weight, DTensor) and value.shape == weight.shape:
        return part_like(value, weight)
    return value.clone()
