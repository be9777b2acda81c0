"""``glam-eval compare``, ``figures`` and ``report``: what stored results say; needs no torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from glam_eval.core.console import Console

Results = Annotated[Path, typer.Argument(help="Directory of results, for instance results/quick.")]

_COLUMNS = ["protocol", "shift", "measure", "a", "b", "estimate", "low", "high", "p_adjusted"]
_COLUMNS += ["verdict", "n_seeds", "n_episodes", "note"]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("compare")(compare)
    app.command("figures")(figures)
    app.command("report")(report)


def compare(
    results: Results,
    protocol: Annotated[str | None, typer.Option(help="Only this protocol.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Compare agents with this one only, agent/model.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Seeds that would show a difference, instead.")
    ] = False,
    difference: Annotated[float, typer.Option(min=0, help="With --plan: difference of success.")] = 0.1,
    form: Annotated[
        str | None, typer.Option("--format", help="terminal, csv, latex or parquet. [default: by --out]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write instead of printing.")] = None,
) -> None:
    """Print estimates with 95% intervals, paired differences with tests, and verdicts.

    Examples:

    `glam-eval compare results/quick`

    `glam-eval compare results/quick --protocol generalization --out table.tex`

    `glam-eval compare results/quick --plan --difference 0.05`
    """
    from glam_eval import statistics
    from glam_eval.cli.tables import present
    from glam_eval.core.console import Console
    from glam_eval.core.errors import unknown
    from glam_eval.core.seeds import stream
    from glam_eval.results import load_results, table_names

    episodes = load_results(results, "episodes")
    if protocol is not None:
        if protocol not in set(episodes["protocol"]):
            raise unknown("protocol", protocol, map(str, episodes["protocol"].unique()))
        episodes = episodes[episodes["protocol"] == protocol]
    runs = load_results(results, "runs") if "runs" in table_names(results) else None
    if plan:
        named = episodes if runs is None else statistics.name_variants(episodes, runs)
        named = statistics.complete(named, runs).episodes
        table = statistics.plan_power(named, difference=difference, runs=runs)
    else:
        generator = stream(0, "statistics", "comparisons")
        table = statistics.compare(episodes, generator, runs=runs, baseline=baseline)[_COLUMNS]
    console = Console()
    if form in (None, "terminal") and out is None:
        (_print_plan if plan else _print_comparisons)(table, console)
    else:
        present(table, form, out, console)


def _print_comparisons(table: "pd.DataFrame", console: "Console") -> None:
    """Print one narrow table for each protocol and measure, with the distinct notes below."""
    from rich.table import Column

    from glam_eval.core.console import Table

    for (protocol, measure), rows in table.groupby(["protocol", "measure"], sort=False):
        names = (Column(title, overflow="fold") for title in ("shift", "", "against"))
        drawn = Table(*names, "estimate [95%]", "p", "verdict", "seeds", box=None)
        drawn.title = f"{protocol}: {measure}"
        for row in rows.to_dict("records"):
            estimate = f"{row['estimate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
            p_value = "" if row["p_adjusted"] != row["p_adjusted"] else f"{row['p_adjusted']:.3f}"
            texts = (row["shift"], row["a"], row["b"], estimate, p_value, row["verdict"])
            drawn.add_row(*texts, str(row["n_seeds"]))
        console.print(drawn)
        for note in dict.fromkeys(note for note in rows["note"] if note):
            console.print(f"  note: {note}", style="dim")
        console.print()


def _print_plan(table: "pd.DataFrame", console: "Console") -> None:
    """Print one row for each comparison: its power now, and the seeds needed with so many scenes."""
    from rich.table import Column

    from glam_eval.core.console import Table

    for protocol, rows in table.groupby("protocol", sort=False):
        scenes = [str(count) for count in rows["scenes"].unique()]
        names = (Column(title, overflow="fold") for title in ("shift", "", "against"))
        drawn = Table(*names, "power now", *scenes, box=None)
        drawn.title = (
            f"{protocol}: seeds needed to show a difference of {rows['difference'].iloc[0]:g}, by scenes"
        )
        for compared, plans in rows.groupby(["shift", "a", "b"], sort=False):
            first = plans.iloc[0]
            now = f"{first['power_now']:.2f} ({first['seeds_now']} x {first['scenes_now']})"
            needed = ["" if count != count else f"{count:.0f}" for count in plans["seeds_needed"]]
            drawn.add_row(*(str(name) for name in compared), now, *needed)
        console.print(drawn)
        console.print("  power now: with (seeds x scenes); empty: more than 200 seeds\n", style="dim")


def figures(
    results: Results,
    out: Annotated[Path | None, typer.Option(help="Directory to write. [default: RESULTS/figures]")] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Only this figure, or your own in a .py file; repeatable.")
    ] = None,
    form: Annotated[list[str] | None, typer.Option("--format", help="png, pdf or svg; repeatable.")] = None,
) -> None:
    """Draw every figure that the results have data for, with its numbers (CSV) and caption.

    Example: `glam-eval figures results/quick --name generalization --format pdf --out paper/figures`
    """
    from glam_eval.core.console import Console, styled
    from glam_eval.figures import draw_all

    console = Console()
    with console.status("drawing") as status:

        def show(figure: str) -> None:
            status.update(styled(f"drawing {figure}"))

        drawn = draw_all(results, out, form or ("png", "pdf", "svg"), name, show)
    for skipped, reason in drawn.skipped.items():
        console.print(f"not drawn: {skipped} ({reason})", soft_wrap=True, style="dim")
    where = out or results / "figures"
    console.print(f"{len(drawn.written)} files in {where}", soft_wrap=True)


def report(results: Results) -> None:
    """Write RESULTS/report.html: one page with findings, figures, tables, replays and methods.

    Example: `glam-eval report results/quick`
    """
    from glam_eval.core.console import Console
    from glam_eval.report import build_report

    console = Console()
    with console.status("writing the report"):
        path = build_report(results)
    console.print(f"report in {path}", soft_wrap=True)
