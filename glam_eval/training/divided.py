"""Ranks that hold the whole model each and divide every batch: weights and gradients lie in shared memory.

The others know nothing of environments, results or optimisers: they hold the policy, and do what they are
told.
"""

import itertools
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.nn.functional import pad

from glam_eval.config.run import RunConfig
from glam_eval.policies.base import Policy, PolicyOutput
from glam_eval.policies.lanes import add_gradients
from glam_eval.training.agents import build_policy
from glam_eval.training.crew import Alone, Part, Result, Work
from glam_eval.training.other_ranks import OtherRanks
from glam_eval.training.ranks import SharedNumbers, frozen_alone, open_memory, prepare_device

_LEAST = 2  # inputs for each rank: fewer are not worth sending


class DividedRanks(Alone):
    """The crew of a run on several devices, as seen by rank 0, whose steps are its own."""

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
        super().__init__(policy)
        self.ranks = len(devices)
        self.others = OtherRanks()
        self._gradients: list[SharedNumbers] = []  # of each other rank
        self._known = False  # whether the others have these weights
        weights = open_memory(self._parameters)
        self._weights = SharedNumbers(weights, self._parameters)
        try:
            for device in devices[1:]:
                gradients = open_memory(self._parameters)
                try:
                    self.others.begin("divided", (config, actions, device), (weights, gradients))
                    self._gradients.append(SharedNumbers(gradients, self._parameters))
                finally:
                    os.close(gradients)
            with self.others.answering():
                self.others.told()
        except BaseException:
            self.close()
            raise
        finally:
            os.close(weights)

    def frozen(self) -> Callable[[Sequence[Any]], PolicyOutput]:
        """Have every rank begin to remember anew; return what asks them all."""
        with self.others.answering():
            self._renew()
            self.others.tell([("remember", ())] * (self.ranks - 1))
            self.others.told()
        return partial(self._evaluate, frozen_alone(self._policy))

    def _evaluate(self, here: Callable[[Sequence[Any]], PolicyOutput], inputs: Sequence[Any]) -> PolicyOutput:
        """Share inputs out in their order, each rank as many, and return all answers in that order."""
        if len(inputs) < _LEAST * self.ranks:
            return here(inputs)
        ends = [len(inputs) * rank // self.ranks for rank in range(self.ranks + 1)]
        shares = [inputs[begin:end] for begin, end in itertools.pairwise(ends)]
        with self.others.answering():
            self.others.tell([("evaluate", (share,)) for share in shares[1:]])
            own = here(shares[0])
            device = own.values.device
            told = self.others.told()
        others = [tuple(torch.from_numpy(each).to(device) for each in answer) for answer in told]
        return joined([(own.log_probabilities, own.values), *others])

    def add_gradients(self, work: Work[Part, Result], parts: Sequence[Part], lanes: int) -> list[Result]:
        """Have each rank compute every so manieth part, then add up all ranks' gradients, in one order."""
        with self.others.answering():
            self._renew()
            shares = [list(parts[rank :: self.ranks]) for rank in range(self.ranks)]
            self.others.tell([("add_gradients", (work, share, lanes)) for share in shares[1:]])
            results = [add_gradients(partial(work, self._policy), shares[0], self._parameters, lanes)]
            for gradients, (found, there) in zip(self._gradients, self.others.told(), strict=True):
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
            self.others.tell([("renew", ())] * (self.ranks - 1))
            self.others.told()
            self._known = True

    def close(self) -> None:
        """End the other processes."""
        self.others.close()


def joined(answers: Sequence[tuple[torch.Tensor, ...]]) -> PolicyOutput:
    """Return log-probabilities, (n, actions), and values, (n,), one below the other, as one output."""
    scores, values = zip(*answers, strict=True)
    width = max(each.shape[1] for each in scores)
    padded = [pad(each, (0, width - each.shape[1]), value=-torch.inf) for each in scores]
    return PolicyOutput(torch.cat(padded), torch.cat(values))


class DividedMember:
    """Another rank's policy, and what is asked of it."""

    def __init__(self, weights: int, gradients: int, config: RunConfig, actions: int, device: str) -> None:
        """Make the policy; weights and gradients are descriptors of memory."""
        prepare_device(config.threads, device)
        self._policy = build_policy(config, actions, device)
        self._parameters = list(self._policy.parameters())
        self._weights = SharedNumbers(weights, self._parameters)
        self._gradients = SharedNumbers(gradients, self._parameters)
        self._answer: Callable[[Any], PolicyOutput]

    def renew(self) -> None:
        """Take the weights that rank 0 wrote."""
        with torch.no_grad():
            for each, part in zip(self._parameters, self._weights.parts, strict=True):
                each.copy_(part)

    def remember(self) -> None:
        """Forget what was answered, and remember anew."""
        self._answer = frozen_alone(self._policy)

    def evaluate(self, inputs: Any) -> tuple[Any, Any]:
        """Return log-probabilities and values of inputs."""
        output = self._answer(inputs)
        return output.log_probabilities.float().cpu().numpy(), output.values.float().cpu().numpy()

    def add_gradients(
        self, work: Work[Part, Result], parts: list[Part], lanes: int
    ) -> tuple[list[Result], list[bool]]:
        """Write the gradients of some parts; return the parts' results, and which weights have a gradient."""
        for each in self._parameters:
            each.grad = None
        results = add_gradients(partial(work, self._policy), parts, self._parameters, lanes)
        gradients = [each.grad for each in self._parameters]
        self._gradients.write(gradients)
        return results, [each is not None for each in gradients]
