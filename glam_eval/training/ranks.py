"""What all ranks of a run have in common: pipes, memory of weights and gradients, and how they answer.

Pipes and memory are inherited by the processes of one run, so that nobody else can reach them.
"""

import mmap
import os
import pickle
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import nn
from torch.distributed import DistError

from glam_eval.policies.base import DividedPolicy, Policy, PolicyOutput, PrefixSharingPolicy

_BYTES = 4  # of a float32, as which every number is kept


def send(pipe: Connection, message: Any) -> None:
    """Send a message whole: ``Connection.send`` would leave tensors here, to be fetched."""
    pipe.send_bytes(pickle.dumps(message))


def receive(pipe: Connection) -> Any:
    """Return the next message of a process of ours, which alone has the other end."""
    return pickle.loads(pipe.recv_bytes())


def lost_contact(error: Exception) -> bool:
    """Whether an error of what ranks do at once is that another one is gone."""
    return isinstance(error, DistError) or "gloo" in str(error).lower()


def prepare_device(threads: int, device: str) -> None:
    """Set up a new process for its device."""
    torch.set_num_threads(threads)
    if device.startswith("cuda"):
        torch.cuda.set_device(device)


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


def open_memory(parameters: Sequence[nn.Parameter]) -> int:
    """Return the descriptor of memory that has a place for a number of each weight; the caller closes it."""
    size = _BYTES * max(1, sum(each.numel() for each in parameters))
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("glam-eval ranks")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


class SharedNumbers:
    """A number of each weight, in memory that another process of the run sees, too."""

    def __init__(self, descriptor: int, parameters: Sequence[nn.Parameter]) -> None:
        """Open what ``open_memory`` made for the same parameters; the descriptor may be closed then."""
        flat = torch.frombuffer(mmap.mmap(descriptor, 0), dtype=torch.float32)
        sizes = [each.numel() for each in parameters]
        parts = torch.split(flat[: sum(sizes)], sizes)
        self.parts = [part.view(each.shape) for part, each in zip(parts, parameters, strict=True)]

    def write(self, tensors: Sequence[torch.Tensor | None]) -> None:
        """Write all that is not None."""
        with torch.no_grad():
            for part, each in zip(self.parts, tensors, strict=True):
                if each is not None:
                    part.copy_(each)
