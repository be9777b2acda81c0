"""``glam-eval run-suite``: a whole study by one command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from glam_eval.core.errors import RunFailedError, UserError, described

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
    from glam_eval.execution.failures import failure
    from glam_eval.launchers.base import Outcome
    from glam_eval.launchers.choice import Choice, make_launcher
    from glam_eval.suites.directory import check_directory
    from glam_eval.suites.dry_run import print_plan
    from glam_eval.suites.plan import in_order
    from glam_eval.suites.run import any_finished, choose_devices, run_suite, validate
    from glam_eval.suites.summary import conclude
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
        console = console if console.is_terminal else Console(width=_FILE_WIDTH)
        print_plan(suite, in_order(suite), choose_devices(suite, workers, device), console)
        return
    if not fresh:
        check_directory(directory, suite)

    lost: list[Exception] = []

    def end(outcome: Outcome) -> None:
        if outcome.interrupted or outcome.under_way or not any_finished(suite, directory):
            return
        try:
            conclude(directory, console, complete=not outcome.failed, summary=summary)
        except (UserError, OSError) as error:  # must not hide that runs failed
            if not outcome.failed:
                raise
            lost.append(error)

    devices = choose_devices(suite, workers, device) if chosen.is_local else ()
    with tracked_by(tracker or ()):
        outcome = run_suite(suite, directory, make_launcher(chosen, suite, devices), fresh, console, end)
    if outcome.under_way:
        console.print(
            f"{len(outcome.under_way)} runs are with Slurm, and go on without this command.\n"
            f"glam-eval status {directory}    where they are\nglam-eval cancel {directory}    end them",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if outcome.interrupted:
        raise outcome.interrupted
    if outcome.failed:
        failed = failure(outcome.failed, directory, others=len(outcome.failed) < len(suite.graph))
        for error in lost:
            raise RunFailedError(f"{failed}\nno summary: {described(error, directory)}") from error
        raise failed
