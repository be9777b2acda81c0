"""A rank of a run but the first: ``python -m glam_eval.training.crew_member PIPE``.

The argument is a descriptor that it inherited. It does what it is told through the pipe, and ends with it, or
where it can't do it.
"""

import contextlib
import signal
import sys
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
    with contextlib.suppress(EOFError, OSError):  # the run is over
        _serve(Connection(descriptor))
    sys.exit(1)


def _serve(pipe: Connection) -> None:
    """Do what is asked until something can't be done: which is said, unless another rank is at fault."""
    from glam_eval.training.ranks import lost_contact, receive, send

    do, member = partial(_make, *receive(pipe)), None
    while True:
        try:
            answer = do()
        except Exception as error:
            if not lost_contact(error):
                send(pipe, (described(error), None))
            return
        if member is None:
            member, answer = answer, None
        send(pipe, ("", answer))
        order, given = receive(pipe)
        do = partial(getattr(member, order), *given)


def _make(kind: str, given: tuple[Any, ...]) -> Any:
    """Return what does the orders of a kind of rank, ready."""
    if kind == "sharded":
        from glam_eval.training.shard import make_member

        return make_member(*given)
    from glam_eval.training.divided import DividedMember

    return DividedMember(*given)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
