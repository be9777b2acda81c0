"""``glam-eval suites``: what ships."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("suites")(suites)


def suites(name: Annotated[str | None, typer.Argument(help="Suite to print as TOML.")] = None) -> None:
    """List the shipped suites with their cost, or print one as TOML to start your own from.

    Core hours are nominal; `glam-eval run-suite NAME --dry-run` measures this machine.

    Examples: `glam-eval suites`, `glam-eval suites quick > my-study.toml`
    """
    from rich.table import Column

    from glam_eval.config.loading import load_suite, shipped_suites, suite_text
    from glam_eval.core.console import Console, Table
    from glam_eval.suites.plan import core_seconds

    if name is not None:
        print(suite_text(name), end="")
        return
    numbers = [Column(title, justify="right") for title in ("runs", "frames", "core hours")]
    table = Table(Column("suite", no_wrap=True), "about", *numbers, box=None)
    for shipped in shipped_suites():
        suite = load_suite(shipped)
        hours = core_seconds(suite) / 3600
        frames = sum(run.frames for run in suite.runs())
        cost = f"{hours:.1f}" if hours < 100 else f"{hours:,.0f}"
        table.add_row(shipped, suite.title, str(len(suite.graph)), f"{frames:,}", cost)
    Console().print(table)
