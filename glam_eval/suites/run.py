"""Runs a suite from nothing, or from where it was left, to its report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from glam_eval.config.graph import PlannedRun
from glam_eval.config.suite import SuiteConfig
from glam_eval.core.console import Console, styled
from glam_eval.core.errors import UserError
from glam_eval.core.files import refuse_links
from glam_eval.core.processors import available_processors
from glam_eval.execution.failures import failure, forget_failures
from glam_eval.execution.owed import owed
from glam_eval.launchers.base import Launcher, Outcome, Work
from glam_eval.launchers.local import LocalLauncher
from glam_eval.results import finished_runs, forget_runs
from glam_eval.suites.directory import claimed
from glam_eval.suites.display import Display
from glam_eval.suites.plan import expected_seconds, in_order
from glam_eval.suites.validation import validate

_NAMED = 10  # files of others that are named one by one


def choose_devices(suite: SuiteConfig, workers: int | None, device: str) -> tuple[str, ...]:
    """Divide the machine: return the device of each worker, one a GPU or one for each ``threads`` cores.

    Where runs take several, it is the first of as many.

    Raises:
        UserError: if a run takes more GPUs than there are.
    """
    from glam_eval.policies.devices import available_devices

    devices, most = available_devices(device), max(planned.devices for planned in suite.graph)
    if devices[0] == "cpu":
        return ("cpu",) * (workers or max(1, available_processors() // (suite.threads * most)))
    if most > len(devices):
        raise UserError(f"policy.devices = {most} needs as many GPUs: {', '.join(devices)} can be had")
    firsts = devices[: len(devices) - most + 1 : most]
    return tuple(firsts[index % len(firsts)] for index in range(workers or len(firsts)))


def run_suite(
    suite: SuiteConfig,
    out: Path,
    launcher: Launcher,
    fresh: bool,
    console: Console,
    conclude: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Have carried out what is not finished yet; results are in ``out`` whatever happens.

    Runs that an engine still has from before are left to it. ``conclude`` is called at the end, before
    another invocation may write in the directory.

    Raises:
        UserError: if the directory is another suite's or in use, or holds symbolic links or a damaged file.
    """
    with claimed(out, suite, fresh, shared=not (fresh or isinstance(launcher, LocalLauncher))) as left:
        refuse_links(out)
        if left:
            console.print(_left_alone(left), highlight=False, markup=False, soft_wrap=True)
        console.print(styled((suite.title, "bold"), f"  {suite.question}"))
        runs, before = in_order(suite), launcher.under_way(out)
        todo = _begin(out, [planned for planned in runs if planned.run_id not in before], console)
        given = [planned for planned in runs if planned.run_id in before]
        work = Work(out, todo, suite.threads, suite.silence_seconds, expected_seconds(suite), given)
        with Display([*todo, *given], len(runs) - len(todo) - len(given), console) as display:
            some = todo or given
            outcome = launcher.carry_out(work, display.observe) if some else Outcome([], {})
        if conclude is not None:
            conclude(outcome)
        return outcome


def _begin(out: Path, runs: Sequence[PlannedRun], console: Console) -> list[PlannedRun]:
    """Return the runs that are to be made, or made again, with no trace left of failures and lost rows."""
    still_owed = owed(out, runs)
    finished = finished_runs(out)
    for run_id, what in still_owed.items():
        if run_id in finished:
            line = f"made again: {run_id}, of which {what} are gone"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    forget_runs(out, still_owed.keys())
    todo = [planned for planned in runs if planned.run_id in still_owed]
    forget_failures(out, todo)
    return todo


def _left_alone(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"left alone, as it is not ours: {', '.join(map(ascii, names[:_NAMED]))}{more}"


def any_finished(suite: SuiteConfig, out: Path) -> bool:
    """Return whether there is a run whose results are complete."""
    finished = finished_runs(out)
    return any(run.run_id in finished for run in suite.runs())


def run_alone(suite: SuiteConfig, out: Path, device: str, console: Console) -> Path:
    """Carry out a suite of a single agent, and what its run needs; return its last checkpoint.

    Raises:
        UserError: on names that don't exist.
        RunFailedError: if the run fails.
        KeyboardInterrupt, EndedError: if it is interrupted.
    """
    validate(suite)
    launcher = LocalLauncher(choose_devices(suite, 1, device))
    outcome = run_suite(suite, out, launcher, False, console)
    if outcome.interrupted:
        raise outcome.interrupted
    if outcome.failed:
        raise failure(outcome.failed, out, others=False)
    return max((out / "checkpoints" / suite.graph[-1].run_id).glob("frames-*"))
