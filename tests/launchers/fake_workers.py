"""Stand-ins for the worker process, each seed of a run with its own fate."""

import os
import signal
import time
from pathlib import Path

from glam_eval.core.leases import held
from glam_eval.execution.heartbeat import heartbeat
from glam_eval.execution.progress import Progress
from glam_eval.launchers.messages import Begin, Failed, Finished, Ready, Stop, Stopped

SILENCE = 3.0  # seconds after which the tests take a run for hung


def work(connection, out: Path, device: str, threads: int, *settings) -> None:
    """Serve runs: seed 1 fails, 2 always dies, 3 waits for nothing, 4 dies the first time, 5 waits to be
    stopped, 6 computes without a word, 7 is stopped by a signal the first time."""
    connection.send(Ready())
    while isinstance(asked := connection.recv(), Begin):
        run_id = asked.run_id
        connection.send(Progress(run_id, "training", 10, 20, 0.5, 100.0))
        with held(out, run_id) as lease, heartbeat(out, run_id, lease):
            outcome = _meet_fate(connection, out, run_id)
        if outcome is not None:
            connection.send(outcome)
        if isinstance(outcome, Stopped):
            return


def _meet_fate(connection, out, run_id):
    (out / "begun").open("a").write(f"{run_id}\n")
    match run_id.split("-s")[-1].split("-")[0]:
        case "1":
            return Failed(run_id, "it can't be done")
        case "2":
            os._exit(9)
        case "3":
            time.sleep(1000)
        case "4" if not (out / "died").exists():
            (out / "died").touch()
            os._exit(1)
        case "5":
            while not connection.poll(0.05):
                (out / "waiting").touch()
            assert isinstance(connection.recv(), Stop)
            (out / "saved").touch()
            return Stopped(run_id)
        case "6":
            until = time.monotonic() + 3 * SILENCE
            while time.monotonic() < until:
                pass
        case "7" if not (out / "hung").exists():
            (out / "hung").touch()
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(1000)
    return Finished(run_id)


def never_starts(connection, out: Path, device: str, threads: int, *settings) -> None:
    """Die before serving anything."""
    os._exit(3)


def stops_before_ready(connection, out: Path, device: str, threads: int, *settings) -> None:
    """Be stopped by a signal before serving anything, the first time."""
    if not (out / "stopped").exists():
        (out / "stopped").touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    work(connection, out, device, threads, *settings)


def told_to_stop(connection, out: Path, device: str, threads: int, *settings) -> None:
    """Stop each run at a signal of its own, the first time; end as a worker then does."""
    connection.send(Ready())
    run_id = connection.recv().run_id
    if not (out / "told").exists():
        (out / "told").touch()
        connection.send(Stopped(run_id))
        return
    connection.send(Finished(run_id))
    connection.recv()
