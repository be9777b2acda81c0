"""``glam-eval cancel``: every run of a study comes to a checkpoint and ends, wherever it is."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("cancel")(cancel)


def cancel(
    directory: Annotated[Path, typer.Argument(help="Directory of results.")],
    now: Annotated[bool, typer.Option("--now", help="End Slurm's running tasks at once, too.")] = False,
) -> None:
    """Ask all runs of a study to write a checkpoint and end; take what waits out of Slurm's queue.

    Nothing stored is lost: `glam-eval run-suite` goes on where it was left.

    Example:

    `glam-eval cancel results/quick`
    """
    from glam_eval.core.leases import claims
    from glam_eval.execution.study import read_suite, stop_file
    from glam_eval.launchers import slurm

    read_suite(directory)
    stop_file(directory).touch()
    jobs = slurm.cancel(directory, now)
    print(
        f"asked {len(claims(directory))} runs under way to write a checkpoint and end; "
        f"Slurm had {jobs} tasks of them and of those that wait"
    )
