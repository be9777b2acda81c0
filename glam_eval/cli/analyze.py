"""``glam-eval compare``, ``figures`` and ``report``: what stored results say; needs no torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

Results = Annotated[Path, typer.Argument(help="Directory of results, for instance results/quick.")]

_COLUMNS = ["protocol", "shift", "measure", "a", "b", "estimate", "low", "high", "p_adjusted"]
_COLUMNS += ["verdict", "n_seeds", "n_episodes", "n_tests", "note"]


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
    against: Annotated[
        str | None, typer.Option(help="Published numbers to hold these against, instead: paper.")
    ] = None,
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Odds and shares of variance of a mixed model, instead.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Seeds that would show a difference, instead.")
    ] = False,
    difference: Annotated[float, typer.Option(min=0, help="With --plan: difference of success.")] = 0.1,
    long: Annotated[
        bool, typer.Option("--long", help="One row a comparison, with all that is known.")
    ] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", help="terminal, csv, latex, markdown, json or parquet. [default: by --out]"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write instead of printing.")] = None,
) -> None:
    """Print estimates with 95% intervals, paired differences with tests, and verdicts.

    Examples:

    `glam-eval compare results/quick`

    `glam-eval compare results/quick --protocol generalization --long --out table.csv`

    `glam-eval compare results/quick --plan --difference 0.05`

    `glam-eval compare results/paper --against paper`
    """
    from glam_eval import statistics
    from glam_eval.cli.tables import present, present_matrices
    from glam_eval.core.console import Console
    from glam_eval.core.seeds import stream
    from glam_eval.report import matrices
    from glam_eval.report.reading import reading_matrices

    console = Console()
    episodes, runs = _tables(results, protocol)
    generator = stream(0, "statistics", "comparisons")
    if plan or mixed or against is not None:
        known = statistics.complete(
            episodes if runs is None else statistics.name_variants(episodes, runs), runs
        ).episodes
        if plan:
            table = statistics.plan_power(known, difference=difference, runs=runs)
            drawn, legend = matrices.plans(table), matrices.PLAN_LEGEND
        elif mixed:
            table, shares = statistics.mixed_effects(known, runs=runs)
            drawn, legend = matrices.odds(table, shares), matrices.ODDS_LEGEND
        else:
            table = statistics.against_published(known, str(against))
            drawn, legend = matrices.targets(table), matrices.TARGET_LEGEND
    else:
        table = statistics.compare(episodes, generator, runs=runs, baseline=baseline)
        reading = statistics.who_reads(episodes, runs=runs)
        drawn, legend = [*reading_matrices(reading), *matrices.matrices(table)], matrices.LEGEND
        table = table[_COLUMNS]
    if long:
        present(table, form, out, console)
    else:
        present_matrices(drawn, legend, form, out, console)


def _tables(results: Path, protocol: str | None) -> "tuple[pd.DataFrame, pd.DataFrame | None]":
    """Return the episodes, of one protocol if asked, and the runs where there are any."""
    from glam_eval.core.errors import unknown
    from glam_eval.results import load_results, table_names

    episodes = load_results(results, "episodes")
    if protocol is not None:
        if protocol not in set(episodes["protocol"]):
            raise unknown("protocol", protocol, map(str, episodes["protocol"].unique()))
        episodes = episodes[episodes["protocol"] == protocol]
    return episodes, load_results(results, "runs") if "runs" in table_names(results) else None


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
