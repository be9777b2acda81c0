"""A rank of a run but the first: ``python -m glam_eval.training.crew_member PIPE WEIGHTS GRADIENTS``.

The arguments are descriptors that it inherited. It does what it is told through the pipe, and ends with it.
"""

import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from glam_eval.core.errors import described
from glam_eval.core.process import keep_freed_memory


def main(descriptor: int, weights: int, gradients: int) -> None:
    """Serve the run whose pipe this is until it closes; whoever is told to end is the first rank."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    keep_freed_memory()
    from glam_eval.training.ranks import receive

    pipe = Connection(descriptor)
    try:
        config, actions, device = receive(pipe)
        _serve(pipe, _Member(config, actions, device, weights, gradients))
    except (EOFError, OSError):
        sys.exit(1)


class _Member:
    """A rank's policy, and what is asked of it."""

    def __init__(self, config: Any, actions: int, device: str, weights: int, gradients: int) -> None:
        import torch

        from glam_eval.training.agents import build_policy
        from glam_eval.training.ranks import SharedNumbers

        torch.set_num_threads(config.threads)
        if device.startswith("cuda"):
            torch.cuda.set_device(device)
        self._policy = build_policy(config, actions, device)
        self._parameters = list(self._policy.parameters())
        self._weights = SharedNumbers(weights, self._parameters)
        self._gradients = SharedNumbers(gradients, self._parameters)
        self._answer: Callable[[Any], Any]
        self._torch = torch

    def renew(self) -> None:
        """Take the weights that rank 0 wrote."""
        with self._torch.no_grad():
            for each, part in zip(self._parameters, self._weights.parts, strict=True):
                each.copy_(part)

    def remember(self) -> None:
        """Forget what was answered, and remember anew."""
        from glam_eval.training.ranks import frozen_alone

        self._answer = frozen_alone(self._policy)

    def evaluate(self, inputs: Any) -> tuple[Any, Any]:
        """Return log-probabilities and values of inputs."""
        output = self._answer(inputs)
        return output.log_probabilities.float().cpu().numpy(), output.values.float().cpu().numpy()

    def add_gradients(
        self, work: Callable[..., Any], parts: list[Any], lanes: int
    ) -> tuple[list[Any], list[bool]]:
        """Write the gradients of some parts; return the parts' results, and which weights have a gradient."""
        from glam_eval.policies.lanes import add_gradients

        for each in self._parameters:
            each.grad = None
        results = add_gradients(partial(work, self._policy), parts, self._parameters, lanes)
        gradients = [each.grad for each in self._parameters]
        self._gradients.write(gradients)
        return results, [each is not None for each in gradients]


def _serve(pipe: Connection, member: _Member) -> None:
    from glam_eval.training.ranks import receive, send

    send(pipe, ("", None))
    while True:
        order, given = receive(pipe)
        try:
            answer = ("", getattr(member, order)(*given))
        except Exception as error:
            answer = (described(error), None)
        send(pipe, answer)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
