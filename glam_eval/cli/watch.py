"""``glam-eval watch``: a study under way in the terminal, on any machine that has its directory."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("watch")(watch)


def watch(
    directory: Annotated[Path, typer.Argument(help="Directory of results.")],
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Show a study as it goes on: its runs, curves with their bands, failures with their logs.

    Everything is read from files, so any login sees it, whatever carries the runs out. Keys stand below it.

    Example:

    `glam-eval watch results/quick`
    """
    from glam_eval.core.errors import UserError
    from glam_eval.suites.watching import look

    if importlib.util.find_spec("textual") is None:
        raise UserError("watch needs textual: pip install 'glam-eval[watch]'; `status` does without")
    if not sys.stdout.isatty():
        raise UserError("watch needs a terminal: `glam-eval status` writes to files and pipes")
    look(directory)  # what is wrong is said before the screen is taken
    from glam_eval.cli.dashboard import Dashboard

    Dashboard(directory, every).run()
