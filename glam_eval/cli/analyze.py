"""``glam-eval compare``, ``figures`` and ``report``: what stored results say; needs no torch."""

from pathlib import Path
from typing import Annotated

import typer

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
        str | None,
        typer.Option(help="Published numbers to set beside these, instead: paper, balrog or agentgym."),
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
    from glam_eval.cli.tables import present, present_matrices
    from glam_eval.core.console import Console
    from glam_eval.report.contrasts import contrasts

    found = contrasts(results, protocol, baseline, against, mixed, plan, difference)
    if long:
        usual = not (plan or mixed or against)
        present(found.table[_COLUMNS] if usual else found.table, form, out, Console())
    else:
        present_matrices(found.matrices, found.legend, form, out, Console())


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


def report(
    results: Results,
    beside: Annotated[
        Path | None, typer.Option(help="Another directory of results: one page of both, instead.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --beside: the page. [default: RESULTS-beside-OTHER.html]")
    ] = None,
) -> None:
    """Write RESULTS/report.html: one page with findings, figures, tables, replays and methods.

    Examples:

    `glam-eval report results/quick`

    `glam-eval report results/quick --beside results/more-things`
    """
    from glam_eval.core.console import Console
    from glam_eval.core.errors import UserError
    from glam_eval.report import build_beside, build_report

    if out is not None and beside is None:
        raise UserError("--out is of --beside: a study's own report is report.html in its directory")
    console = Console()
    with console.status("writing the report"):
        path = build_report(results) if beside is None else build_beside(results, beside, out)
    console.print(f"report in {path}", soft_wrap=True)
