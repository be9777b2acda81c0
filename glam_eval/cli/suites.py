"""``glam-eval suites``: what ships."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("suites")(suites)


def suites(name: Annotated[str | None, typer.Argument(help="Suite to print as TOML.")] = None) -> None:
    """List the shipped suites with their size, or print one as TOML to start your own from.

    Examples: `glam-eval suites`, `glam-eval suites quick > my-study.toml`
    """
    from rich.console import Console
    from rich.table import Table

    from glam_eval.config.loading import load_suite, shipped_suites, suite_text

    if name is not None:
        print(suite_text(name), end="")
        return
    table = Table("suite", "question", "runs", "frames")
    for shipped in shipped_suites():
        suite = load_suite(shipped)
        runs = suite.runs()
        table.add_row(shipped, suite.question, str(len(runs)), f"{sum(run.frames for run in runs):,}")
    Console().print(table)
