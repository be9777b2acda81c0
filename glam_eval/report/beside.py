"""Two studies on one page: what differs in success and in settings, and their figures side by side."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from glam_eval.config.protocols import condition_rank
from glam_eval.config.settings import flatten
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.figures import Study
from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.figures.identity import Condition, Look, assign_looks, records
from glam_eval.report.build import InlineFigure, facts_of, heading_of, inline_figures, write_page
from glam_eval.report.citation import Citation, cite, command_of
from glam_eval.report.sentences import Finding, p_value, points
from glam_eval.report.tables import AGENT, Cell, Column, Table, number, share, table_of
from glam_eval.report.template import filled
from glam_eval.statistics.comparison.studies import compare_studies

_KINDS = {"higher": "up", "lower": "down", "equivalent": "same", "no worse": "same"}


@dataclass(frozen=True)
class Side:
    """One of the two studies."""

    letter: str
    name: str
    title: str
    question: str
    study: Study
    citation: Citation

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The sizes of the study."""
        return facts_of(self.study)


def build_beside(first: Path, second: Path, out: Path | None = None) -> Path:
    """Write a page of two results directories and return its path.

    Args:
        first: A results directory, A on the page.
        second: Another, B: differences are B's less A's.
        out: The page; by default ``<first>-beside-<second's name>.html`` beside the first.

    Raises:
        UserError: One holds no results, both are one, or the page cannot be written.
    """
    if first.resolve() == second.resolve():
        raise UserError(f"{str(first)!r} beside itself: name another results directory")
    name = f"{first.resolve().name}-beside-{second.resolve().name}.html"
    page = render_beside(_side("A", first), _side("B", second))
    return write_page(first.resolve().parent / name if out is None else out, page)


def render_beside(a: Side, b: Side) -> str:
    """Return the page of two studies as HTML."""
    rows = compare_studies(_usual(a.study), _usual(b.study), stream(0, "statistics", "studies"))
    rows = rows.sort_values("shift", key=lambda shifts: shifts.map(condition_rank), kind="stable")
    drawn = [_drawn(side) for side in (a, b)]
    names = list(dict.fromkeys([*drawn[0], *drawn[1]]))
    return filled(
        "beside.html.j2",
        title=f"{a.name} and {b.name}",
        sides=(a, b),
        findings=list(_findings(rows)),
        table=_table(rows, a, b),
        settings=list(_settings(a.study, b.study)),
        alone=[*_alone(a, b), *_alone(b, a)],
        figures=[[part.get(name) for part in drawn] for name in names],
    )


def _side(letter: str, directory: Path) -> Side:
    study = Study.load(directory)
    title, question = heading_of(directory)
    cited = cite(study, title, command_of(directory))
    return Side(letter, directory.resolve().name, title, question, study, cited)


def _usual(study: Study) -> pd.DataFrame:
    return study.usual(study.final())


def _drawn(side: Side) -> dict[str, InlineFigure]:
    return {figure.name: figure for figure in inline_figures(side.study, f"{side.letter}-")[0]}


def _findings(rows: pd.DataFrame) -> Iterator[Finding]:
    """Yield what differs, the largest difference first, and then what is shown not to."""
    looks = _looks(rows)
    found = rows[rows["verdict"].isin(list(_KINDS))]
    order = found.assign(size=-found["difference"].abs(), late=~found["verdict"].isin(["higher", "lower"]))
    for row in records(order.sort_values(["late", "size"], kind="stable")):
        text = Markup("{}, {} ({}): <b>{:.0f}%</b> in A, <b>{:.0f}%</b> in B, <b>{}</b> points ({}, {}).")
        yield Finding(
            text.format(
                looks[row["agent"], row["model"]].label, shift_label(row["shift"]), row["protocol"],
                100 * row["first"], 100 * row["second"],
                points({"estimate": row["difference"], "low": row["low"], "high": row["high"]}),
                row["verdict"], p_value(row["p_adjusted"]),
            ),
            _KINDS[row["verdict"]],
        )  # fmt: skip


def _table(rows: pd.DataFrame, a: Side, b: Side) -> Table:
    looks = _looks(rows)
    protocol, shift = Column("Protocol", text=True), Column("Condition", text=True)
    first, second = Column(f"A: {a.name}"), Column(f"B: {b.name}")
    difference, p = Column("B − A (points)"), Column("p (adjusted)")
    verdict, note = Column("Verdict", text=True), Column("Note", text=True)
    cells = []
    for row in records(rows):
        look = looks[row["agent"], row["model"]]
        known = np.isfinite(row["low"])
        told = f"{100 * row['difference']:+.1f}" if np.isfinite(row["difference"]) else "–"
        ends = f"[{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]" if known else ""
        cells.append(
            [
                Cell(AGENT, look.label, color=look.color, filled=look.filled),
                Cell(protocol, row["protocol"]),
                Cell(shift, shift_label(row["shift"])),
                share(first, _of(row, "first")),
                share(second, _of(row, "second")),
                Cell(difference, told, row["difference"] if np.isfinite(row["difference"]) else None, ends),
                number(
                    p, row["p_adjusted"], p_value(row["p_adjusted"]).removeprefix("p ").removeprefix("= ")
                ),
                Cell(verdict, row["verdict"]),
                Cell(note, _limits(row["note"])),
            ]
        )
    said = (
        "Every condition that both hold, at the last checkpoint of each run. Seeds are independent; scenes "
        "that both played are compared one by one. Tests and intervals of one question are adjusted together."
    )
    columns = [AGENT, protocol, shift, first, second, difference, p, verdict, note]
    return table_of("both", "Success in both", said, columns, cells)


def _limits(note: str) -> str:
    """Return what limits a row; how much its seeds would show is in the width of its interval."""
    return "; ".join(part for part in note.split("; ") if not part.startswith("under-powered"))


def _of(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {"mean": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}


def _looks(rows: pd.DataFrame) -> dict[Condition, Look]:
    return assign_looks(zip(rows["agent"], rows["model"], strict=True))


def _settings(a: Study, b: Study) -> Iterator[tuple[str, str, str]]:
    """Yield the settings whose values differ between two studies: key, A's values, B's values."""
    values = [_values(study) for study in (a, b)]
    for key in sorted({*values[0], *values[1]}):
        first, second = (part.get(key, []) for part in values)
        if first != second:
            yield key, ", ".join(first) or "–", ", ".join(second) or "–"


def _values(study: Study) -> dict[str, Sequence[str]]:
    """Return all values that each setting has in a study's runs."""
    found: dict[str, set[str]] = {}
    for text in study.tables.get("runs", pd.DataFrame({"config": []}))["config"].unique():
        for key, value in flatten(json.loads(text)).items():
            found.setdefault(key, set()).add("none" if value is None else str(value))
    return {key: sorted(values) for key, values in found.items()}


def _alone(side: Side, other: Side) -> Iterator[str]:
    """Yield what only one of the studies holds, as sentences."""
    agents = [look.label for who, look in side.study.looks.items() if who not in other.study.looks]
    mine, theirs = (_usual(each.study)["shift"].astype(str).unique() for each in (side, other))
    shifts = [shift_label(shift) for shift in mine if shift not in theirs]
    for what, only in (("Agents", agents), ("Conditions", shifts)):
        if only:
            yield f"{what} of {side.letter} alone: {', '.join(only)}."
