"""A table in the form a person asked for: terminal, CSV, LaTeX or Parquet, all of the same numbers."""

from pathlib import Path

import pandas as pd

from glam_eval.core.console import Console, Table
from glam_eval.core.errors import UserError, unknown

FORMATS = {"terminal": "", "csv": ".csv", "latex": ".tex", "parquet": ".parquet"}
_DIGITS = 3


def present(table: pd.DataFrame, form: str | None, out: Path | None, console: Console) -> None:
    """Print a table, or write it to a file in a form that its suffix tells unless ``form`` does.

    The terminal and LaTeX show numbers with 3 decimals; CSV and Parquet hold them in full. Raises UserError
    for an unknown form, or a file that doesn't fit it.
    """
    form = _form(form, out)
    text = table.to_csv(index=False) if form == "csv" else _latex(table) if form == "latex" else ""
    if out is None:
        if form == "terminal":
            console.print(_rich(table))
        else:
            print(text, end="")
        return
    if form == "parquet":
        table.to_parquet(out, index=False)
    else:
        out.write_text(text, encoding="utf-8")
    console.print(f"written to {out}", soft_wrap=True)


def _form(form: str | None, out: Path | None) -> str:
    if form is None:
        suffix = out.suffix if out else ""
        form = next((name for name, ending in FORMATS.items() if ending == suffix), None)
        if form is None:
            raise UserError(f"--out {str(out)!r}: end it in .csv, .tex or .parquet, or give --format")
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


def _rich(table: pd.DataFrame) -> Table:
    drawn = Table()
    for name in table.columns:
        numeric = pd.api.types.is_numeric_dtype(table[name])
        drawn.add_column(str(name), justify="right" if numeric else "left")
    for row in table.itertuples(index=False):
        drawn.add_row(*(_cell(value) for value in row))
    return drawn


def _cell(value: object) -> str:
    """Return a value as people read it; a number that could not be computed is a dash."""
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:.{_DIGITS}f}"
    return str(value)
