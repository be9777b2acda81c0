"""Findings in plain sentences, each with its numbers and intervals, written from the statistics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import generalization, learning_curves
from glam_eval.figures.draw.shifts import shift_label
from glam_eval.figures.identity import Condition, is_reference, records, rows_of
from glam_eval.figures.style import interval_text, thousands
from glam_eval.figures.tables import final
from glam_eval.statistics import condition_name

Kind = Literal["up", "down", "same", "open"]
BETTER: dict[str, tuple[Kind, str]] = {"higher": ("up", "better"), "lower": ("down", "worse")}
WORDS: dict[str, tuple[Kind, str]] = {
    "lower": ("down", "It loses {} points under {}."),
    "higher": ("up", "It gains {} points under {}."),
    "equivalent": ("same", "Within 5 points of no shift, by an equivalence test: {} points under {}."),
    "no worse": ("same", "No worse than 5 points below no shift: {} points under {}."),
}


@dataclass(frozen=True)
class Finding:
    """One finding (numbers in bold), and whether it tells of a gain, a loss, no change or nothing sure."""

    text: Markup
    kind: Kind


def findings(study: Study) -> list[Finding]:
    """Return what the study found, in the order of its questions: learning, size, generalization."""
    found = [*_learning(study), *_between_models(study), *_generalization(study)]
    return found or [Finding(Markup("This study holds too little to compare anything."), "open")]


def _learning(study: Study) -> Iterator[Finding]:
    """Tell where each learner began and ended, and how that compares with chance."""
    try:
        curves = study.derive(learning_curves.table)
    except Absent:
        return
    level = study.usual(study.table("episodes"))["level"].astype(str).mode().iloc[0]
    curves = curves[curves["level"].astype(str) == level]
    for condition, look in study.looks.items():
        rows = records(rows_of(curves, condition).sort_values("frames"))
        if len(rows) < 2:
            continue
        first, last = rows[0], rows[-1]
        text = Markup(
            "{} solves <b>{}</b> of the scenes after {} steps of training, from <b>{}</b> before it"
        ).format(look.label, _rate(last), thousands(last["frames"]), _rate(first))
        floor = _difference(study, condition, ("random", "none"))
        if floor is not None:
            text += Markup("; on the {} scenes it is <b>{}</b> points against random").format(
                study.final_protocol, _points(floor)
            )
        sure = last["low"] > first["high"]
        yield Finding(text + ".", "up" if sure else "open")


def _between_models(study: Study) -> Iterator[Finding]:
    """Tell how an agent's models compare, each with the next larger one."""
    order = [condition for condition in study.looks if not is_reference(condition[0])]
    for larger, smaller in pairwise(order):
        row = _difference(study, larger, smaller) if larger[0] == smaller[0] else None
        if row is None:
            continue
        kind: Kind
        names = study.looks[larger].label, study.looks[smaller].label
        measured = Markup("(<b>{}</b> points, {})").format(_points(row), _p_value(row["p_adjusted"]))
        if row["verdict"] in BETTER:
            kind, relation = BETTER[row["verdict"]]
            text = Markup("{} does {} than {} at the end {}.").format(names[0], relation, names[1], measured)
        elif row["verdict"] == "equivalent":
            kind = "same"
            text = Markup("{} and {} end within 5 points of one another {}.").format(*names, measured)
        else:
            kind = "open"
            text = Markup("Whether {} does better than {} stays open {}.").format(*names, measured) + _limit(
                row
            )
        yield Finding(text, kind)


def _generalization(study: Study) -> Iterator[Finding]:
    """Tell for each agent which shifts cost it success, which leave it as it was, and which stay open."""
    try:
        table = study.derive(generalization.table)
    except Absent:
        return
    for condition, look in study.looks.items():
        rows = records(rows_of(table, condition).dropna(subset=["change"]).sort_values("change"))
        learned = _difference(study, condition, ("random", "none"))
        if is_reference(condition[0]) or (learned is not None and learned["verdict"] != "higher"):
            continue  # an agent at chance has nothing to lose
        for verdict, (kind, sentence) in WORDS.items():
            chosen = [row for row in rows if row["verdict"] == verdict]
            if chosen:
                yield Finding(_about(look.label, sentence, chosen), kind)
        still_open = [
            shift_label(row["shift"]) for row in rows if row["verdict"] in ("undecided", "untested")
        ]
        if still_open:
            text = Markup("{}: neither a change nor its absence is shown under {}.")
            yield Finding(text.format(look.label, _listed(still_open)), "open")


def _about(label: str, sentence: str, rows: Sequence[dict[str, Any]]) -> Markup:
    """Return one sentence about several shifts: "it loses 20 points under A and 31 points under B"."""
    start, _, end = sentence.partition("{}")
    middle = end.partition("{}")[0]
    sign = -1 if "loses" in sentence else 1
    parts = [
        Markup("<b>{}</b>{}{}").format(_points(row, sign), middle, shift_label(row["shift"])) for row in rows
    ]
    return Markup("{}: {}{}.").format(label, start[0].lower() + start[1:], _listed(parts))


def _difference(study: Study, a: Condition, b: Condition) -> dict[str, Any] | None:
    """Return the comparison a - b at the end of training without a shift; None if it was not made."""
    table = study.derive(final.comparisons)
    names = condition_name(*a), condition_name(*b)
    rows = table[
        (table["protocol"] == study.final_protocol)
        & (table["shift"] == "none")
        & (table["measure"] == "success")
    ]
    for row in records(rows[rows["a"].isin(names) & rows["b"].isin(names)]):
        return row if row["a"] == names[0] else _turned(row)
    return None


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison seen from the other side."""
    verdict = {"higher": "lower", "lower": "higher", "no worse": "undecided"}.get(
        row["verdict"], row["verdict"]
    )
    ends = {"estimate": -row["estimate"], "low": -row["high"], "high": -row["low"]}
    return row | ends | {"verdict": verdict}


def _rate(row: dict[str, Any]) -> str:
    return interval_text(row["mean"], row["low"], row["high"])


def _points(row: dict[str, Any], sign: int = 1) -> str:
    name = "change" if "change" in row else "estimate"
    ends = (row["change_low"], row["change_high"]) if name == "change" else (row["low"], row["high"])
    low, high = sorted(100 * sign * end for end in ends)
    mark = "" if sign < 0 else "+"
    text = f"{100 * sign * row[name]:{mark}.0f}"
    return f"{text} [{low:{mark}.0f}, {high:{mark}.0f}]" if np.isfinite(low) else text


def _p_value(p: float) -> str:
    return "untested" if not np.isfinite(p) else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _limit(row: dict[str, Any]) -> str:
    return f" {row['note'][0].upper()}{row['note'][1:]}." if row["note"] else ""


def _listed(parts: Sequence[str]) -> Markup:
    if len(parts) == 1:
        return Markup("{}").format(parts[0])
    return Markup("{} and {}").format(Markup(", ").join(parts[:-1]), parts[-1])
