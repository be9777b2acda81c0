"""What all ranks of a run do alike: speak through pipes, meet, share weights, add up gradients."""

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from glam_eval.policies.base import DividedPolicy, Policy, PolicyOutput, PrefixSharingPolicy

_PATIENCE = timedelta(minutes=10)  # to meet, and to add up gradients, which begins when all ranks have theirs


def send(pipe: Connection, message: Any) -> None:
    """Send a message whole: ``Connection.send`` would leave tensors here, to be fetched."""
    pipe.send_bytes(pickle.dumps(message))


def receive(pipe: Connection) -> Any:
    """Return the next message of a process of ours, which alone has the other end."""
    return pickle.loads(pipe.recv_bytes())


def frozen_alone(policy: Policy) -> Callable[[Sequence[Any]], PolicyOutput]:
    """Return what answers for a policy in this process, without gradients, while its weights stay."""
    if isinstance(policy, DividedPolicy):
        answer = policy.frozen_here()
    else:
        answer = policy.frozen() if isinstance(policy, PrefixSharingPolicy) else policy.evaluate

    def answered(inputs: Sequence[Any]) -> PolicyOutput:
        with torch.no_grad():
            return answer(inputs)

    return answered


def join(folder: Path, rank: int, ranks: int) -> None:
    """Meet the other ranks in a folder that is this user's alone."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    store = dist.FileStore(str(folder / "ranks"), ranks)  # type: ignore[attr-defined]
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=_PATIENCE)


def sum_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Add up the gradients of all ranks into rank 0's; a parameter without one in any rank has none there."""
    there = torch.tensor([each.grad is not None for each in parameters], dtype=torch.uint8)
    there = there.to(parameters[0].device)
    dist.all_reduce(there, dist.ReduceOp.MAX)
    for each, any_rank in zip(parameters, there.tolist(), strict=True):
        if any_rank:
            each.grad = torch.zeros_like(each) if each.grad is None else each.grad
            dist.reduce(each.grad, 0)


def spread(parameters: Sequence[nn.Parameter]) -> None:
    """Give rank 0's weights to all ranks."""
    with torch.no_grad():
        for each in parameters:
            dist.broadcast(each, 0)
