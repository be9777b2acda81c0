"""Tables in the form a person asked for: terminal, CSV, LaTeX, Markdown, JSON or Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glam_eval.core.console import Console, Table
from glam_eval.core.errors import UserError, unknown

if TYPE_CHECKING:
    from glam_eval.report.matrices import Matrix

FORMATS = {
    "terminal": "",
    "csv": ".csv",
    "latex": ".tex",
    "markdown": ".md",
    "json": ".json",
    "parquet": ".parquet",
}
_DIGITS = 3


def present(table: pd.DataFrame, form: str | None, out: Path | None, console: Console) -> None:
    """Print a table, or write it to a file in a form that its suffix tells unless ``form`` does.

    Terminal, LaTeX and Markdown show numbers with 3 decimals; CSV, JSON and Parquet hold them in full. Raises
    UserError for an unknown form, or a file that doesn't fit it.
    """
    form = _form(form, out)
    if form == "terminal":
        console.print(_rich(table))
        return
    _deliver(table, _text(table, form), out, console)


def present_matrices(
    matrices: Sequence["Matrix"], legend: str, form: str | None, out: Path | None, console: Console
) -> None:
    """Print matrices no wider than the terminal, or write them: LaTeX and Markdown as tables, else cells."""
    from glam_eval.report.printed import drawn, legend_lines

    form = _form(form, out)
    if form == "terminal":
        for matrix in matrices:
            for line in drawn(matrix, console.width):
                console.print(line, highlight=False, markup=False, soft_wrap=True)
        for line in legend_lines(legend, console.width):
            console.print(line, highlight=False, markup=False, style="dim")
        return
    cells = pd.concat([matrix.tidy() for matrix in matrices], ignore_index=True)
    text = _text(cells, form)
    if form in ("latex", "markdown"):
        heading = "% {}\n" if form == "latex" else "### {}\n\n"
        parts = [heading.format(matrix.title) + _text(matrix.frame(), form) for matrix in matrices]
        text = "\n".join([*parts, f"% {legend}" if form == "latex" else legend]) + "\n"
    _deliver(cells, text, out, console)


def _deliver(table: pd.DataFrame, text: str, out: Path | None, console: Console) -> None:
    if out is None:
        print(text, end="")
        return
    if text:
        out.write_text(text, encoding="utf-8")
    else:
        table.to_parquet(out, index=False)
    console.print(f"written to {out}", soft_wrap=True)


def _text(table: pd.DataFrame, form: str) -> str:
    """Return a table in a form; empty for Parquet, which is no text."""
    if form == "csv":
        return table.to_csv(index=False)
    if form == "json":
        return table.to_json(orient="records", indent=1, force_ascii=False) + "\n"
    return {"latex": _latex, "markdown": _markdown}[form](table) if form != "parquet" else ""


def _form(form: str | None, out: Path | None) -> str:
    if form is None:
        suffix = out.suffix if out else ""
        form = next((name for name, ending in FORMATS.items() if ending == suffix), None)
        if form is None:
            endings = [ending for ending in FORMATS.values() if ending]
            known = f"{', '.join(endings[:-1])} or {endings[-1]}"
            raise UserError(f"--out {str(out)!r}: end it in {known}, or give --format")
    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if form == "parquet" and out is None:
        raise UserError("--format parquet needs a file: give --out FILE.parquet")
    if form == "terminal" and out is not None:
        raise UserError("--format terminal goes to the terminal: leave --out away, or write csv")
    if out is not None and not out.parent.is_dir():
        raise UserError(f"--out {str(out)!r}: there is no directory {str(out.parent)!r}")
    return form


def _latex(table: pd.DataFrame) -> str:
    """Return a booktabs table."""
    cells = table.map(_cell)
    escaped = cells.rename(columns=str).style.hide(axis="index").format(escape="latex")
    escaped = escaped.format_index(escape="latex", axis="columns")
    numeric = ["r" if pd.api.types.is_numeric_dtype(table[name]) else "l" for name in table.columns]
    return str(escaped.to_latex(hrules=True, column_format="".join(numeric)))


def _markdown(table: pd.DataFrame) -> str:
    """Return a table of GitHub's Markdown."""
    rules = ["--:" if pd.api.types.is_numeric_dtype(table[name]) else "---" for name in table.columns]
    names = [str(name) for name in table.columns]
    rows: list[list[str]] = [names, rules, *table.map(_cell).to_numpy().tolist()]
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in escaped)


def _rich(table: pd.DataFrame) -> Table:
    listed = Table()
    for name in table.columns:
        numeric = pd.api.types.is_numeric_dtype(table[name])
        listed.add_column(str(name), justify="right" if numeric else "left")
    for row in table.itertuples(index=False):
        listed.add_row(*(_cell(value) for value in row))
    return listed


def _cell(value: object) -> str:
    """Return a value as people read it; a number that could not be computed is a dash."""
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:.{_DIGITS}f}"
    return str(value)
