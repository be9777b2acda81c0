"""Runs as tasks of Ray: begun again elsewhere when a node is lost; where they stand is read in the directory.

An actor would die with its node, and a task that waits for another one's result gives its processors away:
a task here starts one process and waits for it.
"""

import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glam_eval.core.errors import UserError, first_line
from glam_eval.execution.failures import record_failure
from glam_eval.execution.study import is_stored, stop_file
from glam_eval.launchers.base import Observe, Outcome, Work
from glam_eval.launchers.batches import batches
from glam_eval.launchers.following import follow
from glam_eval.launchers.plans import Plan, forget_plan, write_plan

TASK = ("-m", "glam_eval.launchers.task")
_RETRIES = 5  # of a task whose node or process is lost
_SLOT_SECONDS = 60.0  # of short runs that share a task, whose start takes some ten
_TASKS_A_PROCESSOR = 2  # at least, of all, before short runs share one
_STOP_SECONDS = 60.0  # for tasks to come to a checkpoint


class RayLauncher:
    """Carries out runs as tasks of a Ray cluster, which end with this process."""

    name = "ray"

    def __init__(self, address: str | None, device: str, task: Sequence[str] = TASK) -> None:
        """Begin without a cluster.

        Args:
            address: of a cluster's head; None starts one on this machine, unless RAY_ADDRESS names one.
            device: auto, cpu or cuda, as a task sees its node.
            task: arguments of Python that carry out a task, which is given directory, plan and index.
        """
        self._address, self._device, self._task = address, device, list(task)

    def under_way(self, out: Path) -> set[str]:  # noqa: ARG002  # tasks end with the process that asked for them
        """Return none."""
        return set()

    def carry_out(self, work: Work, observe: Observe) -> Outcome:
        """Carry out runs; an interrupt brings them to a checkpoint."""
        ray = _import_ray()
        try:
            ray.init(address=self._address, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UserError(f"no Ray at {self._address!r}: {first_line(error)}") from None
        tasks = _Tasks(ray, work, self._device, self._task)
        try:
            outcome = follow(work, observe, tasks.runs_left)
            if outcome.interrupted:
                stop_file(work.out).touch()
                tasks.wait(_STOP_SECONDS)
            return outcome
        finally:
            ray.shutdown()
            forget_plan(work.out, tasks.plan)


class _Tasks:
    """The tasks of one launch."""

    def __init__(self, ray: Any, work: Work, device: str, task: Sequence[str]) -> None:
        self._ray, self._work = ray, work
        resources = ray.cluster_resources()
        threads = work.threads * work.devices
        processors = max(1.0, resources.get("CPU", 1.0) / threads)
        uses_gpu = device.startswith("cuda") or (device == "auto" and resources.get("GPU", 0) > 0)
        share = sum(work.seconds[planned.run_id] for planned in work.runs) / processors / _TASKS_A_PROCESSOR
        made = batches(work.runs, work.seconds, min(_SLOT_SECONDS, share), len(work.runs))
        gpus = work.devices if uses_gpu else 0
        remote = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=_RETRIES)(carry_out_task)
        self.plan = f"ray-{secrets.token_hex(3)}"
        numbered = [(batch, index) for batch in made for index in batch.tasks]
        tasks = {number: batch.tasks[index] for number, (batch, index) in enumerate(numbered)}
        write_plan(work.out, Plan(self.plan, RayLauncher.name, device, tasks))
        self._runs: dict[Any, Sequence[str]] = {}  # of each task under way
        handles: dict[tuple[int, int], Any] = {}
        positions = {id(batch): position for position, batch in enumerate(made)}
        for number, (batch, index) in enumerate(numbered):
            needed = [handles[each, index] for each in batch.after]
            out = str(work.out.resolve())
            handle = remote.remote([*task, out, self.plan, str(number)], out, *needed)
            handles[positions[id(batch)], index] = handle
            self._runs[handle] = tasks[number]

    def runs_left(self) -> set[str]:
        """Return the runs of tasks that have not ended; what failed without a word is written down."""
        self.wait(0.0)
        return {run_id for run_ids in self._runs.values() for run_id in run_ids}

    def wait(self, seconds: float) -> None:
        """Wait for all tasks that have not ended, so long."""
        ended, _ = (
            self._ray.wait(list(self._runs), num_returns=len(self._runs), timeout=seconds)
            if (self._runs)
            else ([], [])
        )
        planned = {each.run_id: each for each in self._work.runs}
        for handle in ended:
            run_ids = self._runs.pop(handle)
            try:
                self._ray.get(handle)
            except (self._ray.exceptions.RayError, OSError) as error:
                reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
                for run_id in run_ids:
                    if not is_stored(self._work.out, planned[run_id]):
                        record_failure(self._work.out, planned[run_id], reason[0], "ray")


def carry_out_task(arguments: Sequence[str], out: str, *needed: int) -> int:  # noqa: ARG001  # Ray waits for those
    """Carry out a task in a process of its own, on whichever node this is; return its exit code.

    Raises:
        FileNotFoundError: if the directory is not there.
    """
    if not Path(out).is_dir():
        raise FileNotFoundError(f"{out!r} is not on {socket.gethostname()}: all nodes must share it")
    process = subprocess.Popen([sys.executable, *arguments])
    try:
        return process.wait()
    finally:
        process.send_signal(signal.SIGTERM)


def _import_ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError("--launcher ray needs Ray: pip install 'glam-eval[ray]'") from None
    return ray
