"""``glam-eval compact``: a study's results as few files."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("compact")(compact)


def compact(
    results: Annotated[Path, typer.Argument(help="Directory of results, of any version of this program.")],
) -> None:
    """Make one file of each table: the same rows, in fewer and smaller files.

    Runs that are not finished are left as they are, and so is all that is no table. Killed at any point, the
    directory stays readable and the same command continues.

    Example: `glam-eval compact results/quick`
    """
    from glam_eval import results as package
    from glam_eval.core.console import Console
    from glam_eval.core.files import refuse_links
    from glam_eval.core.progress_bars import progress_bars

    refuse_links(results)
    console = Console()
    with progress_bars(console) as progress:
        task = progress.add_task("compacting", total=None, status="")

        def show(table: str, read: int, total: int) -> None:
            progress.update(task, description=table, completed=read, total=total)

        done = package.compact(results, show)
    console.print(
        f"{done.files_before:,} files -> {done.files_after:,}, "
        f"{done.bytes_before / 1e6:,.1f} MB -> {done.bytes_after / 1e6:,.1f} MB",
        soft_wrap=True,
    )
