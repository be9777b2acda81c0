"""One run on several devices: this process carries it out, others like it compute parts of its batches.

The others, ranks 1 and up, know nothing of environments, results or optimisers. They hold the policy, and do
what they are told through a pipe; weights and gradients lie in memory that they share with rank 0.
"""

import contextlib
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

import torch
from torch.nn.functional import pad

from glam_eval.config.run import RunConfig
from glam_eval.core.errors import LostRankError, RunFailedError
from glam_eval.policies.base import DividedPolicy, Policy, PolicyOutput
from glam_eval.policies.lanes import add_gradients
from glam_eval.training.ranks import SharedNumbers, frozen_alone, open_memory, receive, send

Part = TypeVar("Part")
Result = TypeVar("Result")
Work = Callable[[Policy, Part], tuple[torch.Tensor, Result]]

_LEAST = 2  # inputs for each rank: fewer are not worth sending


class Crew(Protocol):
    """The processes that compute a run's batches."""

    ranks: int

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Return the policy's ``frozen`` of all ranks together; one at a time is valid."""

    def add_gradients(self, work: Work[Part, Result], parts: Sequence[Part], lanes: int) -> list[Result]:
        """Add the gradient of every part's loss to the parameters' of this process; return the results.

        Args:
            work: returns of the policy and a part its loss, a scalar, and whatever else is wanted; picklable,
                as parts are.
            parts: what to compute, shared out among the ranks.
            lanes: parts side by side in each rank, as ``lane_count`` gives it.
        """

    def changed(self) -> None:
        """Take note that this process changed the weights: every rank has them before it computes again."""

    def close(self) -> None:
        """End the other processes."""


class Alone:
    """The crew of a run on one device: this process."""

    ranks = 1

    def __init__(self, policy: Policy) -> None:
        self._policy, self._parameters = policy, list(policy.parameters())

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Return the policy's own."""
        return frozen_alone(self._policy)

    def add_gradients(self, work: Work[Part, Result], parts: Sequence[Part], lanes: int) -> list[Result]:
        """Add the gradient of every part here."""
        return add_gradients(partial(work, self._policy), parts, self._parameters, lanes)

    def changed(self) -> None:
        """Do nothing: there are no other weights."""

    def close(self) -> None:
        """Do nothing: there is no other process."""


class SeveralRanks:
    """The crew of a run on several devices, as seen by rank 0."""

    def __init__(self, config: RunConfig, policy: Policy, actions: int, devices: Sequence[str]) -> None:
        """Start the other ranks, each of which makes the policy of ``config`` with ``actions`` actions.

        Args:
            config: the run.
            policy: of this process, on the first device.
            actions: number of actions offered.
            devices: one a rank.

        Raises:
            RunFailedError: if a rank can't start.
        """
        self.ranks = len(devices)
        self._policy, self._parameters = policy, list(policy.parameters())
        self._processes: list[subprocess.Popen[bytes]] = []
        self._pipes: list[Connection] = []
        self._gradients: list[SharedNumbers] = []  # of each other rank
        self._known = False  # whether the others have these weights
        weights = open_memory(self._parameters)
        self._weights = SharedNumbers(weights, self._parameters)
        try:
            for device in devices[1:]:
                self._start(weights, (config, actions, device))
            with self._answered():
                self._told()
        except BaseException:
            self.close()
            raise
        finally:
            os.close(weights)

    def _start(self, weights: int, start: tuple[RunConfig, int, str]) -> None:
        ours, theirs = socket.socketpair()
        gradients = open_memory(self._parameters)
        given = (theirs.fileno(), weights, gradients)
        try:
            command = [sys.executable, "-m", "glam_eval.training.crew_member", *map(str, given)]
            self._processes.append(subprocess.Popen(command, pass_fds=given))
            self._gradients.append(SharedNumbers(gradients, self._parameters))
        finally:
            theirs.close()
            os.close(gradients)
        self._pipes.append(Connection(ours.detach()))
        with self._answered():
            send(self._pipes[-1], start)

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Have every rank begin to remember anew; return what asks them all."""
        with self._answered():
            self._renew()
            self._tell([("remember", ())] * (self.ranks - 1))
            self._told()
        return partial(self._evaluate, frozen_alone(self._policy))

    def _evaluate(self, here: Callable[[Sequence[Any]], PolicyOutput], inputs: Sequence[Any]) -> PolicyOutput:
        """Share inputs out in their order, each rank as many, and return all answers in that order."""
        if len(inputs) < _LEAST * self.ranks:
            return here(inputs)
        ends = [len(inputs) * rank // self.ranks for rank in range(self.ranks + 1)]
        shares = [inputs[begin:end] for begin, end in itertools.pairwise(ends)]
        with self._answered():
            self._tell([("evaluate", (share,)) for share in shares[1:]])
            own = here(shares[0])
            device = own.values.device
            others = [tuple(torch.from_numpy(each).to(device) for each in told) for told in self._told()]
        scores, values = zip((own.log_probabilities, own.values), *others, strict=True)
        width = max(each.shape[1] for each in scores)
        padded = [pad(each, (0, width - each.shape[1]), value=-torch.inf) for each in scores]
        return PolicyOutput(torch.cat(padded), torch.cat(values))

    def add_gradients(self, work: Work[Part, Result], parts: Sequence[Part], lanes: int) -> list[Result]:
        """Have each rank compute every so manieth part, then add up all ranks' gradients, in one order."""
        with self._answered():
            self._renew()
            shares = [list(parts[rank :: self.ranks]) for rank in range(self.ranks)]
            self._tell([("add_gradients", (work, share, lanes)) for share in shares[1:]])
            results = [add_gradients(partial(work, self._policy), shares[0], self._parameters, lanes)]
            for gradients, (found, there) in zip(self._gradients, self._told(), strict=True):
                results.append(found)
                for parameter, gradient, known in zip(self._parameters, gradients.parts, there, strict=True):
                    if known:
                        own, added = parameter.grad, gradient.to(parameter, copy=True)
                        parameter.grad = added if own is None else own.add_(added)
        return [results[index % self.ranks][index // self.ranks] for index in range(len(parts))]

    def changed(self) -> None:
        """Let the others have the weights before they next compute."""
        self._known = False

    def _renew(self) -> None:
        if not self._known:
            self._weights.write(self._parameters)
            self._tell([("renew", ())] * (self.ranks - 1))
            self._told()
            self._known = True

    def _tell(self, orders: Sequence[Any]) -> None:
        for pipe, order in zip(self._pipes, orders, strict=True):
            send(pipe, order)

    def _told(self) -> list[Any]:
        """Return what each other rank answers.

        Raises:
            RunFailedError: with the line of a rank that can't go on.
        """
        answers = [receive(pipe) for pipe in self._pipes]
        for rank, (failure, _) in enumerate(answers, 1):
            if failure:
                raise RunFailedError(f"rank {rank}: {failure}")
        return [answer for _, answer in answers]

    @contextlib.contextmanager
    def _answered(self) -> Iterator[None]:
        """Turn the end of a pipe into a rank that is lost."""
        try:
            yield
        except (EOFError, OSError) as error:
            raise LostRankError(f"a rank of {self.ranks} is gone") from error

    def close(self) -> None:
        """End the other processes, which end with their pipe, and forget them."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes, self._pipes = [], []


def make_crew(config: RunConfig, policy: Policy, actions: int, device: str) -> Crew:
    """Return the crew of a run that begins on a device; of several, the next ones are taken with it."""
    ranks = config.policy.devices if config.policy else 1
    if ranks == 1:
        return Alone(policy)
    kind, _, first = device.partition(":")
    devices = [f"{kind}:{int(first) + rank}" if first else kind for rank in range(ranks)]
    if kind == "cuda" and int(first) + ranks > torch.cuda.device_count():
        raise RunFailedError(
            f"policy.devices = {ranks} from {device} on, and {torch.cuda.device_count()} GPUs are seen here"
        )
    crew = SeveralRanks(config, policy, actions, devices)
    if isinstance(policy, DividedPolicy):
        policy.divide(crew.frozen)
    return crew
