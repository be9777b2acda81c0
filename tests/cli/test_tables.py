"""A table in four forms agrees with itself."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from glam_eval.cli.tables import present
from glam_eval.core.console import Console
from glam_eval.core.errors import UserError

TABLE = pd.DataFrame(
    {
        "shift": ["none", "synonym_colors"],
        "estimate": [0.123456, np.nan],
        "n_seeds": [5, 3],
        "note": ["", "50% & more [level=GoToLocal]"],
    }
)
QUIET = Console(file=io.StringIO())


def test_csv_and_parquet_hold_all_and_terminal_and_latex_the_same_rounded(tmp_path, capsys):
    for suffix in ("csv", "tex", "parquet"):
        present(TABLE, None, tmp_path / f"table.{suffix}", QUIET)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), TABLE)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "table.csv").fillna({"note": ""}), TABLE)
    latex = (tmp_path / "table.tex").read_text()
    rows = re.findall(r"^(none|synonym\\_colors) & (\S+) & (\d) & (.*) \\\\$", latex, re.MULTILINE)
    note = r"50\% \& more [level=GoToLocal]"
    assert rows == [("none", "0.123", "5", ""), (r"synonym\_colors", "–", "3", note)]
    assert r"\toprule" in latex
    assert r"\begin{tabular}{lrrl}" in latex
    terminal = Console(file=io.StringIO(), width=100)
    present(TABLE, None, None, terminal)
    drawn = terminal.file.getvalue()
    assert re.search(r"none\s+│\s+0\.123 │\s+5 │", drawn)
    assert re.search(r"synonym_colors │\s+– │\s+3 │ 50% & more \[level=GoToLocal\]", drawn)
    present(TABLE, "csv", None, QUIET)
    assert capsys.readouterr().out == (tmp_path / "table.csv").read_text()


@pytest.mark.parametrize(
    ("form", "name", "expected"),
    [
        ("excel", None, "unknown format 'excel'"),
        ("parquet", None, "needs a file"),
        ("terminal", "t.txt", "goes to the terminal"),
        (None, "t.xls", "end it in .csv, .tex or .parquet"),
        ("csv", "no/t.csv", "there is no directory"),
    ],
)
def test_wrong_forms_are_named(tmp_path, form, name, expected):
    with pytest.raises(UserError, match=re.escape(expected)):
        present(TABLE, form, tmp_path / name if name else None, QUIET)
    assert list(tmp_path.iterdir()) == []
