"""Runs as arrays of Slurm's jobs: submitted, looked up in the queue and cancelled; Slurm does the rest.

No future, callable or result is kept here, which is what ``submitit`` is for: a task is one command, whether
a run is complete is read in the directory, and which of them Slurm still has ``squeue`` says. A job whose
end nobody noticed, as without Slurm's accounting, is thus nothing special.
"""

import re
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glam_eval.config.launching import SlurmConfig
from glam_eval.core.errors import UserError, first_line
from glam_eval.core.files import write_text_atomically
from glam_eval.execution.study import name_of_directory
from glam_eval.launchers.base import Observe, Outcome, Work
from glam_eval.launchers.batches import batches
from glam_eval.launchers.following import follow
from glam_eval.launchers.plans import PLANS, Plan, forget_plan, plans, write_plan

LARGEST_ARRAY = 1001  # Slurm's MaxArraySize where it doesn't say: one more than the highest index
AGAIN = 75  # exit code of a task that is to be queued again (EX_TEMPFAIL of sysexits.h)
_TIMEOUT = 120.0  # for an answer of Slurm
_QUEUE = "%j|%F|%K|%T|%N"  # name, array, index, state, node

# A signal before the time limit reaches this shell alone, and maybe before the program can take it.
_SCRIPT = """#!/bin/bash
{options}
limit= program=
trap 'limit=1; [ -z "$program" ] || kill -USR1 "$program"' USR1
trap '[ -z "$program" ] || kill -TERM "$program"' TERM
{setup}
{command} &
program=$!
[ -z "$limit" ] || kill -USR1 "$program"
while :; do
  wait "$program"; code=$?
  kill -0 "$program" 2>/dev/null || break
done
# {again}: at a checkpoint; 138: the signal came before the program could take it.
if [ "$code" = {again} ] || [ "$code" = 138 ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}" && sleep 60
fi
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class Queued:
    """A run that Slurm has."""

    job: str  # as Slurm names it: ARRAY_INDEX
    state: str  # in Slurm's words, lower case
    node: str


class SlurmLauncher:
    """Gives runs to Slurm, and returns, or follows them in the directory until they have ended."""

    name = "slurm"

    def __init__(
        self,
        config: SlurmConfig,
        device: str,
        wait: bool,
        conclude: Sequence[str] = (),
        task: Sequence[str] = (),
    ) -> None:
        """Begin without asking Slurm anything.

        Args:
            config: what a task asks for.
            device: auto, cpu, cuda or cuda:N, as a task sees its node.
            wait: whether to return only when all runs have ended.
            conclude: the command of a last job, after all others; none if empty.
            task: the command of a task, which is given the plan's directory, its name and an index.
        """
        self._config, self._device, self._wait, self._conclude = config, device, wait, list(conclude)
        self._task = list(task) or [sys.executable, "-m", "glam_eval.launchers.task"]

    def under_way(self, out: Path) -> set[str]:
        """Return the runs that Slurm has of those that it was given."""
        return set(queued(out) or ())

    def carry_out(self, work: Work, observe: Observe) -> Outcome:
        """Submit all runs; follow them if asked to."""
        if work.runs:
            self._submit(work)
        if not self._wait:
            return Outcome([], {}, under_way=[planned.run_id for planned in (*work.runs, *work.given)])
        return follow(work, observe, lambda: set(queued(work.out) or ()))

    def _submit(self, work: Work) -> None:
        """Submit the arrays, each after those that it waits for."""
        out = work.out.resolve()
        (out / "logs").mkdir(parents=True, exist_ok=True)
        launch = f"{_prefix(out)}-{secrets.token_hex(3)}"
        jobs: list[str] = []
        for number, batch in enumerate(
            batches(work.runs, work.seconds, self._config.slot_seconds, _largest_array())
        ):
            name = f"{launch}-{number}"
            write_plan(out, Plan(name, self.name, self._device, batch.tasks))
            most = f"%{self._config.parallel}" if self._config.parallel else ""
            options: dict[str, str | int | None] = {
                "array": _ranges(sorted(batch.tasks)) + most,
                "requeue": None,
            }
            options["cpus-per-task"] = work.threads * work.devices
            if batch.after:
                options["dependency"] = ",".join(f"aftercorr:{jobs[each]}" for each in batch.after)
                options["kill-on-invalid-dep"] = "yes"
            options["signal"] = f"B:USR1@{self._config.warning}"
            command = shlex.join([*self._task, str(out), name]) + ' "$SLURM_ARRAY_TASK_ID"'
            jobs.append(self._sbatch(out, name, options, command))
        if self._conclude and not self._wait:
            name = f"{launch}-summary"
            write_plan(out, Plan(name, self.name, self._device, {}))
            options = {"dependency": f"afterany:{':'.join(jobs)}", "cpus-per-task": work.threads}
            if self._config.gres:  # partitions of GPUs take no job without one
                options["gres"] = re.sub(r":\d+$", ":1", self._config.gres)
            self._sbatch(out, name, options, shlex.join([*self._conclude, str(out)]))

    def _sbatch(self, out: Path, name: str, options: Mapping[str, str | int | None], command: str) -> str:
        """Submit a script, kept beside its plan; return the job's number."""
        log = out / "logs" / ("slurm-%A_%a.log" if "array" in options else "slurm-%j.log")
        own = {"job-name": name, "output": shlex.quote(str(log)), "open-mode": "append"}
        lines = [
            f"#SBATCH --{key}" + ("" if value is None else f"={value}")
            for key, value in (own | self._config.requests() | dict(options)).items()
        ]
        script = _SCRIPT.format(
            options="\n".join(lines), setup=self._config.setup, command=command, again=AGAIN
        )
        write_text_atomically(out / PLANS / f"{name}.sh", script)
        return _ask("sbatch", "--parsable", str(out / PLANS / f"{name}.sh")).split(";")[0].strip()


def queued(out: Path) -> dict[str, Queued] | None:
    """Return the runs of a study that Slurm has, by run_id; None if there is nobody to ask.

    Raises:
        UserError: if Slurm does not answer.
    """
    tasks = {plan.name: plan.tasks for plan in plans(out) if plan.launcher == SlurmLauncher.name}
    if not tasks:
        return {}
    if not is_here():
        return None
    found: dict[str, Queued] = {}
    for name, job, index, state, node in _entries(tasks):
        for run_id in tasks[name].get(int(index) if index.isdecimal() else -1, ()):
            found[run_id] = Queued(f"{job}_{index}", state.lower(), node)
    return found


def cancel(out: Path, now: bool) -> int:
    """Take waiting tasks out of the queue, and with ``now`` end the others; return how many there were.

    Raises:
        UserError: if Slurm does not answer.
    """
    names = [plan.name for plan in plans(out) if plan.launcher == SlurmLauncher.name]
    entries = _entries(names) if names and is_here() else []
    jobs = sorted({job for _, job, *_ in entries})
    if jobs:
        _ask("scancel", *([] if now else ["--state=PENDING"]), *jobs)
    return len(entries)


def is_here() -> bool:
    """Return whether this machine can ask Slurm anything."""
    return shutil.which("squeue") is not None


def forget_ended(out: Path) -> None:
    """Delete the plans of which Slurm has no task any more."""
    names = [plan.name for plan in plans(out) if plan.launcher == SlurmLauncher.name]
    if names and is_here():
        for name in set(names) - {name for name, *_ in _entries(names)}:
            forget_plan(out, name)


def _entries(names: Sequence[str] | Mapping[str, object]) -> list[list[str]]:
    """Return the lines of the queue for jobs of these names."""
    lines = _ask("squeue", "--noheader", "--array", f"--format={_QUEUE}", f"--name={','.join(names)}")
    return [line.split("|") for line in lines.splitlines() if line.count("|") == 4]


def _ask(program: str, *arguments: str) -> str:
    """Return what a program of Slurm answers."""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=_TIMEOUT, check=True
        )
    except FileNotFoundError:
        raise UserError(f"no {program} here: run this where jobs are submitted to Slurm") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"{program} did not answer within {_TIMEOUT:g} s: try again later") from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"{program}: {first_line(error.stderr)}") from None
    return done.stdout


def _largest_array() -> int:
    """Return the number of indices that an array may have."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config"), re.MULTILINE)
    return int(found[1]) if found else LARGEST_ARRAY


def _ranges(indices: Sequence[int]) -> str:
    """Return indices in order as sbatch takes them: 0-4,7."""
    parts: list[list[int]] = []
    for index in indices:
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _prefix(out: Path) -> str:
    """Return how the names of all jobs of a directory begin."""
    return f"glam-eval-{name_of_directory(out)[:8]}"
