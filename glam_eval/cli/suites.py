"""``glam-eval suites``: what ships."""

from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("suites")(suites)


def suites(
    name: Annotated[str | None, typer.Argument(help="Suite to print as TOML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the shipped suites with their cost, or print one as TOML to start your own from.

    Core hours are nominal; `glam-eval run-suite NAME --dry-run` measures this machine.

    Examples: `glam-eval suites`, `glam-eval suites quick > my-study.toml`,
    `glam-eval suites --json`
    """
    from rich.table import Column

    from glam_eval.config.loading import load_suite, shipped_suites, suite_text
    from glam_eval.core.console import Console, Table, print_json
    from glam_eval.suites.plan import core_seconds

    if name is not None and as_json:
        print_json(load_suite(name).model_dump(mode="json"))
        return
    if name is not None:
        print(suite_text(name), end="")
        return
    rows: list[dict[str, Any]] = []
    for shipped in shipped_suites():
        suite = load_suite(shipped)
        frames = sum(run.frames for run in suite.runs())
        told = {"suite": shipped, "title": suite.title, "question": suite.question, "runs": len(suite.graph)}
        rows.append({**told, "frames": frames, "core_hours": core_seconds(suite) / 3600})
    if as_json:
        print_json(rows)
        return
    numbers = [Column(title, justify="right") for title in ("runs", "frames", "core hours")]
    table = Table(Column("suite", no_wrap=True), "about", *numbers, box=None)
    for row in rows:
        hours = row["core_hours"]
        cost = f"{hours:.1f}" if hours < 100 else f"{hours:,.0f}"
        table.add_row(row["suite"], row["title"], str(row["runs"]), f"{row['frames']:,}", cost)
    Console().print(table)
