"""Stand-ins for the worker process, each seed of a run with its own fate."""

import os
import time
from pathlib import Path

from glam_eval.suites.messages import Failed, Finished, Plan, Progress, Ready, Stop, Stopped


def work(connection, out: Path, device: str, threads: int) -> None:
    """Serve plans: seed 1 fails, 2 always dies, 3 hangs, 4 dies the first time, 5 waits to be stopped."""
    connection.send(Ready())
    while isinstance(plan := connection.recv(), Plan):
        run_id = plan.config.run_id
        connection.send(Progress(run_id, "training", 10, 20, 0.5, 100.0))
        match plan.config.seed:
            case 1:
                connection.send(Failed(run_id, "it can't be done"))
                continue
            case 2:
                os._exit(9)
            case 3:
                time.sleep(1000)
            case 4 if not (out / "died").exists():
                (out / "died").touch()
                os._exit(1)
            case 5:
                while not connection.poll(0.05):
                    (out / "waiting").touch()
                assert isinstance(connection.recv(), Stop)
                (out / "saved").touch()
                connection.send(Stopped(run_id))
                return
        connection.send(Finished(run_id))


def never_starts(connection, out: Path, device: str, threads: int) -> None:
    """Die before serving anything."""
    os._exit(3)
