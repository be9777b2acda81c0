"""``glam-eval import-runs``: runs of the paper's released code as our tables."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("import-runs")(import_runs)


def import_runs(
    directory: Annotated[
        Path, typer.Argument(help="A run's directory of the released code, or a tree of them.")
    ],
    out: Annotated[Path, typer.Option(help="Directory to write tables into.")],
    agent: Annotated[str | None, typer.Option(help="Agent. [default: told by the directory's name]")] = None,
    model: Annotated[str | None, typer.Option(help="Model. [default: told by the directory's name]")] = None,
    level: Annotated[str | None, typer.Option(help="Level. [default: told by name and tests]")] = None,
) -> None:
    """Turn log.csv and return_per_episode/*.npy into tables, so that old and new studies are drawn together.

    Example: `glam-eval import-runs storage/logs --out results/released`
    """
    from glam_eval.core.console import Console
    from glam_eval.importing.runs import import_runs as write_runs

    counts = write_runs(directory, out, agent, model, level)
    rows = ", ".join(f"{count:,} {table}" for table, count in counts.items())
    Console().print(f"{rows} in {out}", soft_wrap=True)
