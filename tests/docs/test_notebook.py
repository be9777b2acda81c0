"""The notebook and the other readers of the tables: their code runs, and comes to what pandas comes to."""

import ast
import re
import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
EPISODES = ROOT / "results/grounding-cpu/episodes"


@pytest.fixture
def cells(monkeypatch):
    """The notebook's code, cell by cell, where it starts."""
    monkeypatch.chdir(ROOT)
    held = pd.read_json(ROOT / "docs/notebook.ipynb", typ="series")["cells"]
    return ["".join(cell["source"]) for cell in held if cell["cell_type"] == "code"]


def test_the_notebook_holds_no_results_and_its_code_runs(cells):
    held = pd.read_json(ROOT / "docs/notebook.ipynb", typ="series")["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in held)
    names: dict = {}
    with mpl.rc_context(), mpl.rc_context({"backend": "agg"}):
        for cell in cells:
            exec(cell, names)
    assert names["axes"].get_xlabel() == "share of scenes" and len(names["axes"].collections) > 5
    by_agent = names["by_seed"].groupby("agent", observed=True)["success_told"].mean()
    assert by_agent["gflan"] > 0.9 > by_agent["npe"]
    assert set(names["told"]["verdict"]) >= {"higher", "undecided"}


def test_a_cell_that_fails_ends_the_build(tmp_path, monkeypatch):
    client = pytest.importorskip("nbclient")
    import nbformat

    monkeypatch.syspath_prepend(str(ROOT / "docs/_pages"))
    import notebooks

    book = nbformat.v4.new_notebook()
    book.cells = [nbformat.v4.new_code_cell("import os\nos.path.basename(os.getcwd())")]
    nbformat.write(book, tmp_path / "book.ipynb")
    page = notebooks.pages(tmp_path / "book.ipynb", ROOT)["book.md"]
    assert f"'{ROOT.name}'" in page
    book.cells.append(nbformat.v4.new_code_cell("1 / 0"))
    nbformat.write(book, tmp_path / "book.ipynb")
    with pytest.raises(client.exceptions.CellExecutionError, match="ZeroDivisionError"):
        notebooks.pages(tmp_path / "book.ipynb", ROOT)
    sys.modules.pop("notebooks")


def lines():
    (block,) = re.findall(r"^```py\n(.*?)^```", (ROOT / "docs/tutorial.md").read_text("utf-8"), re.M | re.S)
    statements = [ast.unparse(each) for each in ast.parse(block).body]
    return {statement.split(".")[0]: statement for statement in statements}


@pytest.mark.parametrize("library", ["duckdb", "polars"])
def test_other_readers_find_the_same_rows(library, monkeypatch):
    module = pytest.importorskip(library)
    monkeypatch.chdir(ROOT)
    found = eval(lines()[library], {library: module})
    rows = found.fetchall() if library == "duckdb" else found.rows()
    expected = pd.read_parquet(EPISODES).groupby(["agent", "model"], observed=True)["success"].mean()
    assert {(agent, model): pytest.approx(mean) for agent, model, mean in rows} == dict(expected)
