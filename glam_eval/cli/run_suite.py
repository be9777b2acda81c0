"""``glam-eval run-suite``: a whole study by one command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glam_eval.core.errors import RunFailedError, UserError, described

if TYPE_CHECKING:
    from glam_eval.config.suite import SuiteConfig
    from glam_eval.core.console import Console
    from glam_eval.launchers.base import Outcome
    from glam_eval.launchers.choice import Choice

_MOST_WORKERS = 1024  # processes that one machine starts
_FILE_WIDTH = 200  # of a plan that is written to a file or another program


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("run-suite")(run_suite)


def run_suite(
    name: Annotated[str, typer.Argument(help="Shipped suite (see `glam-eval suites`) or a TOML file.")],
    out: Annotated[Path | None, typer.Option(help="Directory of results. [default: results/SUITE]")] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds of every agent.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, dotted keys, for instance ppo.clip=0.1.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=_MOST_WORKERS, help="Runs at a time. [default: all cores]")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    launcher: Annotated[
        str | None,
        typer.Option(help="Where runs are carried out: local, slurm or ray. [default: the suite's]"),
    ] = None,
    slurm: Annotated[
        list[str] | None, typer.Option(help="key=value,...: partition, account, time, gres, group, setup ...")
    ] = None,
    address: Annotated[str | None, typer.Option(help="Ray's head; without it Ray runs here.")] = None,
    gpu: Annotated[
        str | None, typer.Option(help="With --dry-run: the GPU that is planned for, such as a100-80gb.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="With slurm: stay until all runs have ended.")] = False,
    tracker: Annotated[
        list[str] | None,
        typer.Option(help="Show curves to tensorboard, wandb (offline) or one of your own; repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs; start nothing.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete this suite's results first.")] = False,
    summary: Annotated[bool, typer.Option(help="End with statistics, figures and report.")] = True,
) -> None:
    """Train, checkpoint, evaluate, store, compare, draw and report; again to resume.

    Examples:

    `glam-eval run-suite quick`

    `glam-eval run-suite quick --seeds 10 --out results/ten-seeds`

    `glam-eval run-suite quick --tracker tensorboard`

    `glam-eval run-suite my-study.toml --set ppo.learning_rate=1e-4 --dry-run`

    `glam-eval run-suite paper --launcher slurm --slurm partition=gpu,gres=gpu:1,time=20:00:00`
    """
    from glam_eval.config.loading import load_suite
    from glam_eval.config.overrides import partial_reach
    from glam_eval.core.console import Console
    from glam_eval.launchers.choice import Choice, make_launcher
    from glam_eval.suites.directory import check_directory
    from glam_eval.suites.run import choose_devices, run_suite
    from glam_eval.suites.validation import validate
    from glam_eval.tracking import tracked_by

    overrides = [*(settings or []), *([f"seeds={seeds}"] if seeds is not None else [])]
    suite = load_suite(name, overrides)
    for line in partial_reach(suite, overrides):
        print(f"glam-eval: {line}", file=sys.stderr)
    directory = out or Path("results") / suite.name
    chosen = Choice(launcher or suite.launcher, device, slurm or (), address, wait, summary)
    chosen.check(suite)
    validate(suite)
    console = Console()
    if dry_run:
        _print_plan(suite, chosen, workers, gpu, console)
        return
    if not fresh:
        check_directory(directory, suite)
    conclusion = _Conclusion(suite, directory, console, summary)
    devices = choose_devices(suite, workers, device) if chosen.is_local else ()
    with tracked_by(tracker or ()):
        launch = make_launcher(chosen, suite, devices)
        outcome = run_suite(suite, directory, launch, fresh, console, conclusion.draw)
    conclusion.tell(outcome)


def _print_plan(
    suite: "SuiteConfig", chosen: "Choice", workers: int | None, gpu: str | None, console: "Console"
) -> None:
    """Print what a suite would do, and what it costs where it is to run."""
    from glam_eval.core.console import Console
    from glam_eval.suites.dry_run import print_plan
    from glam_eval.suites.engine_plan import engine_plan
    from glam_eval.suites.plan import in_order
    from glam_eval.suites.run import choose_devices

    console = console if console.is_terminal else Console(width=_FILE_WIDTH)
    engine = None if chosen.is_local and gpu is None else engine_plan(chosen, suite, gpu)
    devices = choose_devices(suite, workers, chosen.device if chosen.is_local else "cpu")
    print_plan(suite, in_order(suite), devices, console, engine)


class _Conclusion:
    """What a suite ends with: its tables, figures and report, and a word on what did not end well."""

    def __init__(self, suite: "SuiteConfig", directory: Path, console: "Console", summary: bool) -> None:
        self._suite, self._directory = suite, directory
        self._console, self._summary = console, summary
        self._lost: list[Exception] = []

    def draw(self, outcome: "Outcome") -> None:
        """Make tables, figures and report of what has ended, if it is all that will."""
        from glam_eval.suites.run import any_finished
        from glam_eval.suites.summary import conclude

        if outcome.interrupted or outcome.under_way or not any_finished(self._suite, self._directory):
            return
        try:
            conclude(self._directory, self._console, complete=not outcome.failed, summary=self._summary)
        except (UserError, OSError) as error:  # must not hide that runs failed
            if not outcome.failed:
                raise
            self._lost.append(error)

    def tell(self, outcome: "Outcome") -> None:
        """Say what goes on elsewhere; raise what interrupted the suite, or the failure of its runs."""
        from glam_eval.execution.failures import failure

        directory = self._directory
        if outcome.under_way:
            self._console.print(
                f"{len(outcome.under_way)} runs are with Slurm, and go on without this command.\n"
                f"glam-eval status {directory}    where they are\nglam-eval cancel {directory}    end them",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
        if outcome.interrupted:
            raise outcome.interrupted
        if outcome.failed:
            others = len(outcome.failed) < len(self._suite.graph)
            failed = failure(outcome.failed, directory, others=others)
            for error in self._lost:
                raise RunFailedError(f"{failed}\nno summary: {described(error, directory)}") from error
            raise failed
