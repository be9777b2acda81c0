"""A table in every form agrees with itself, and fits the terminal without a broken word."""

import io
import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from program import answer

from glam_eval.cli.tables import present, present_matrices
from glam_eval.core.console import Console
from glam_eval.core.errors import UserError
from glam_eval.report import contrasts
from glam_eval.report.matrices import LEGEND, MARKS, Cell, _notes, matrices
from glam_eval.report.other_matrices import plans, targets
from glam_eval.report.printed import drawn, legend_lines
from glam_eval.results import load_results
from glam_eval.statistics import against_published, compare, plan_power

RESULTS = Path(__file__).parents[2] / "results"
TABLE = pd.DataFrame(
    {
        "shift": ["none", "synonym_colors"],
        "estimate": [0.123456, np.nan],
        "n_seeds": [5, 3],
        "note": ["", "50% & more [level=GoToLocal]"],
    }
)
QUIET = Console(file=io.StringIO())


def test_all_forms_hold_the_same_in_full_or_rounded(tmp_path, capsys):
    for suffix in ("csv", "tex", "md", "json", "parquet"):
        present(TABLE, None, tmp_path / f"table.{suffix}", QUIET)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), TABLE)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "table.csv").fillna({"note": ""}), TABLE)
    held = json.loads((tmp_path / "table.json").read_text())
    assert held[0] == {"shift": "none", "estimate": 0.123456, "n_seeds": 5, "note": ""}
    assert held[1]["estimate"] is None
    latex = (tmp_path / "table.tex").read_text()
    rows = re.findall(r"^(none|synonym\\_colors) & (\S+) & (\d) & (.*) \\\\$", latex, re.MULTILINE)
    note = r"50\% \& more [level=GoToLocal]"
    assert rows == [("none", "0.123", "5", ""), (r"synonym\_colors", "–", "3", note)]
    assert r"\toprule" in latex
    assert r"\begin{tabular}{lrrl}" in latex
    markdown = (tmp_path / "table.md").read_text().splitlines()
    assert markdown[1] == "| --- | --: | --: | --- |"
    assert markdown[3] == "| synonym_colors | – | 3 | 50% & more [level=GoToLocal] |"
    terminal = Console(file=io.StringIO(), width=100)
    present(TABLE, None, None, terminal)
    assert re.search(r"none\s+│\s+0\.123 │\s+5 │", terminal.file.getvalue())
    present(TABLE, "csv", None, QUIET)
    assert capsys.readouterr().out == (tmp_path / "table.csv").read_text()


@pytest.mark.parametrize(
    ("form", "name", "expected"),
    [
        ("excel", None, "unknown format 'excel'"),
        ("parquet", None, "needs a file"),
        ("terminal", "t.txt", "goes to the terminal"),
        (None, "t.xls", "end it in .csv, .tex, .md, .json or .parquet"),
        ("csv", "no/t.csv", "there is no directory"),
    ],
)
def test_wrong_forms_are_named(tmp_path, form, name, expected):
    with pytest.raises(UserError, match=re.escape(expected)):
        present(TABLE, form, tmp_path / name if name else None, QUIET)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def comparisons():
    return load_results(RESULTS / "generalization-cpu", "comparisons")


def test_cells_are_percent_points_or_a_dash():
    assert Cell(0.736, 0.627, 0.826).text == "74 63–83"
    assert Cell(0.736, np.nan, np.nan).text == "74"
    assert Cell(np.nan, np.nan, np.nan, "untested").text == "–"
    assert Cell(-0.004, -0.014, 0.006, "undecided").text == "0 [-1, +1] ?"
    assert Cell(-0.67, np.nan, np.nan, "untested").text == "-67 –"
    assert Cell(-0.08, -0.16, -0.0034, "lower").text == "-8 [-16, -0.3] ↓"  # 0 is outside, and looks so
    assert Cell(-0.08, -0.16, -0.0034, "undecided").text == "-8 [-16, 0] ?"


@pytest.mark.parametrize("width", [80, 120])
def test_matrices_fit_the_screen_and_break_no_word(comparisons, width):
    for matrix in matrices(comparisons):
        lines = list(drawn(matrix, width))
        assert max(map(len, lines)) <= width
        frame = matrix.frame()
        whole = {word for name in (*matrix.columns, *matrix.rows, matrix.title) for word in name.split()}
        whole |= {word for text in frame.to_numpy().ravel() for word in text.split()}
        whole |= {word for note in matrix.notes for word in f"note: {note}".split()}
        assert {word for line in lines for word in line.split()} <= whole
        for name in matrix.columns:  # every cell is drawn, once a row
            for text in frame[name]:
                assert any(text in line for line in lines)


def test_matrices_hold_the_numbers_of_the_comparisons(comparisons):
    found = {matrix.title: matrix for matrix in matrices(comparisons)}
    estimates = found["generalization: success (%), 95% intervals"]
    alone = comparisons[(comparisons["b"] == "") & (comparisons["a"] == "gflan/t5-nano")]
    row = alone[(alone["shift"] == "none@fr") & (alone["measure"] == "success")].iloc[0]
    assert estimates.cells["French", "GFlan-T5 t5-nano"] == Cell(row["estimate"], row["low"], row["high"])
    assert len(estimates.rows) == 31 and len(estimates.columns) == 8  # the longer side is down
    change = found["generalization: success, change in points, simultaneous 95% intervals"]
    assert change.cells["two instructions (from one instruction)", "GFlan-T5 t5-nano"].verdict == "lower"
    tidy = pd.concat([matrix.tidy() for matrix in found.values()])
    estimated = tidy[tidy["column"].eq("difference") & tidy["row"].eq("GFlan-T5 t5-nano − random")]
    assert estimated["estimate"].iloc[0] == pytest.approx(0.795, abs=0.001)


def test_matrices_in_markdown_and_latex_are_tables_and_else_cells(comparisons, tmp_path):
    found = matrices(comparisons)[:1]
    for suffix in ("md", "tex", "csv", "json"):
        present_matrices(found, LEGEND, None, tmp_path / f"m.{suffix}", QUIET)
    markdown, latex = ((tmp_path / f"m.{suffix}").read_text() for suffix in ("md", "tex"))
    assert "| French | " in markdown and "36 31–42" in markdown and LEGEND in markdown
    assert "French & " in latex and r"\bottomrule" in latex
    cells = pd.read_csv(tmp_path / "m.csv")
    assert len(cells) == 31 * 8 == len(json.loads((tmp_path / "m.json").read_text()))


@pytest.mark.parametrize(
    "asked", [(), pytest.param(("--plan",), marks=pytest.mark.thorough), ("--against", "paper")]
)
def test_the_commands_fit_the_terminal(asked, monkeypatch):
    monkeypatch.setattr(contrasts, "contrasts", cache(contrasts.contrasts))  # which no width changes
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        printed = answer("compare", RESULTS / "grounding-cpu", *asked)
        assert printed.returncode == 0, printed.stderr
        assert max(map(len, printed.stdout.splitlines())) <= width
        assert not re.search(r"\bnan\b", printed.stdout)


def test_ends_below_zero_are_no_dashes_and_a_note_is_told_once_for_all_its_agents():
    assert Cell(-0.27, -0.43, -0.14, signed=True).text == "-27 [-43, -14]"
    row = {"b": "", "a": "gflan/t5-nano", "note": "1 seed collapsed; few seeds: so many"}
    rows = pd.DataFrame([row, row | {"a": "random"}, row | {"a": "bot", "note": "not evaluated"}])
    assert _notes(rows) == ["GFlan-T5 t5-nano, random: 1 seed collapsed", "bot: not evaluated"]


@pytest.mark.parametrize("width", range(20, 120, 7))
def test_a_legend_keeps_each_mark_beside_its_meaning(width):
    lines = legend_lines(LEGEND, width)
    assert " ".join(lines) == LEGEND
    assert not any(line.endswith(tuple(MARKS.values())) for line in lines)


def test_an_interval_beside_a_verdict_never_seems_to_hold_zero(comparisons):
    decided = 0
    for matrix in matrices(comparisons):
        for cell in matrix.cells.values():
            if cell.verdict in ("higher", "lower") and np.isfinite(cell.low):
                low, high = map(float, re.search(r"\[(.*), (.*)\]", cell.text).groups())
                assert (low > 0) if cell.verdict == "higher" else (high < 0), cell.text
                decided += 1
    assert decided > 150


def test_plans_and_published_numbers_are_in_the_order_of_all_tables():
    episodes = load_results(RESULTS / "generalization-cpu", "episodes")
    for matrix in (
        *plans(plan_power(episodes, scenes=(100,))),
        *targets(against_published(episodes, "paper")),
    ):
        of_agent: dict[str, list[str]] = {}
        for row in matrix.rows:
            agent, _, condition = row.partition(": ")
            of_agent.setdefault(agent, []).append(condition)
        assert list(of_agent) == list(dict.fromkeys(row.partition(": ")[0] for row in matrix.rows))
        own = of_agent.get("GFlan-T5 t5-nano")
        if own is None:  # a plan of agents alone
            continue
        first = "goal swapped" if "goal swapped" in own else "no change"
        assert own.index(first) == 0
        assert own.index("new nouns") < own.index("synonym actions") < own.index("French")


def test_what_one_seed_cannot_tell_is_counted_and_not_listed():
    """Dozens of agents of one seed: no plan and no test, so no thousand lines that say so."""
    agents = [f"a{number}" for number in range(7)]
    episodes = pd.concat(
        pd.DataFrame(
            {"run_id": agent, "agent": agent, "model": "m", "seed": 0, "frames": 10, "level": "GoToLocal",
             "task": "goto", "language": "en", "protocol": "generalization", "shift": "none",
             "scene_seed": range(20), "success": np.arange(20) % (2 + place) == 0}
        )
        for place, agent in enumerate(agents)
    )  # fmt: skip
    (planned,) = plans(plan_power(episodes, scenes=(100,)))
    assert planned.rows == []
    assert planned.notes == [
        "21 comparisons are not planned: one seed or one scene: no variance to plan from"
    ]
    pairs = next(m for m in matrices(compare(episodes, np.random.default_rng(0))) if "differences" in m.title)
    assert pairs.rows == ()
    assert pairs.notes == [
        "21 pairs, none of them tested: not offered: one seed, and intervals and tests need 3"
    ]
    assert list(drawn(pairs, 200)) == [pairs.title, f"note: {pairs.notes[0]}", ""]
    present_matrices([planned, pairs], LEGEND, "markdown", None, QUIET)
