"""A rank of a run but the first, as a program: ``python -m glam_eval.training.crew_member DESCRIPTOR``.

It does what it is told through the pipe that it inherited, and ends with it.
"""

import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from glam_eval.core.errors import described
from glam_eval.core.process import keep_freed_memory


def main(descriptor: int) -> None:
    """Serve the run whose pipe this is until it closes; whoever is told to end is the first rank."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    keep_freed_memory()
    pipe = Connection(descriptor)
    try:
        from glam_eval.training.ranks import receive

        rank, ranks, folder, config, actions, device = receive(pipe)
        _serve(pipe, rank, ranks, folder, _Member(config, actions, device))
    except (EOFError, OSError, RuntimeError):  # gloo's way to say that a connection closed
        sys.exit(1)


class _Member:
    """A rank's policy, and what is asked of it."""

    def __init__(self, config: Any, actions: int, device: str) -> None:
        import torch

        from glam_eval.training.agents import build_policy

        torch.set_num_threads(config.threads)
        if device.startswith("cuda"):
            torch.cuda.set_device(device)
        self._policy = build_policy(config, actions, device)
        self.parameters = list(self._policy.parameters())
        self._answer: Callable[[Any], Any]

    def remember(self) -> None:
        """Forget what was answered, and remember anew."""
        from glam_eval.training.ranks import frozen_alone

        self._answer = frozen_alone(self._policy)

    def evaluate(self, inputs: Any) -> tuple[Any, Any]:
        """Return log-probabilities and values of inputs."""
        output = self._answer(inputs)
        return output.log_probabilities.float().cpu().numpy(), output.values.float().cpu().numpy()

    def add_gradients(self, work: Callable[..., Any], parts: list[Any], lanes: int) -> list[Any]:
        """Leave the gradients of some parts on the parameters, and return the parts' results."""
        from glam_eval.policies.lanes import add_gradients

        for each in self.parameters:
            each.grad = None
        return add_gradients(partial(work, self._policy), parts, self.parameters, lanes)


def _serve(pipe: Connection, rank: int, ranks: int, folder: Any, member: _Member) -> None:
    from glam_eval.training.ranks import join, receive, send, spread, sum_gradients

    send(pipe, ("", None))  # whoever waits for ranks to join would not see that one is gone
    join(folder, rank, ranks)
    while True:
        order, given = receive(pipe)
        if order == "renew":
            spread(member.parameters)
        elif order == "remember":
            member.remember()
        elif order == "sum_gradients":
            sum_gradients(member.parameters)
        else:
            try:
                send(pipe, ("", getattr(member, order)(*given)))
            except Exception as error:
                send(pipe, (described(error), None))


if __name__ == "__main__":
    main(int(sys.argv[1]))
