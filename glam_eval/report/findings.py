"""Findings in plain sentences, each with its numbers and intervals, written from the statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from glam_eval.figures import Absent, Study
from glam_eval.figures.identity import REFERENCES
from glam_eval.figures.draw.shifts import shift_label
from glam_eval.figures.style import interval_text, thousands
from glam_eval.figures.tables import final, training

Kind = Literal["up", "down", "same", "open"]


@dataclass(frozen=True)
class Finding:
    """One sentence (with the numbers in bold), and whether it tells of a gain, a loss, no change or neither."""

    text: Markup
    kind: Kind


def findings(study: Study) -> list[Finding]:
    """Return what the study found, in the order of the questions: learning, size, generalization."""
    return [*_learning(study), *_generalization(study)]


def _learning(study: Study) -> Iterator[Finding]:
    try:
        curves = study.derive(training.learning_curves)
    except Absent:
        return
    floor = _reference(curves, "random")
    for (agent, model), look in study.looks.items():
        rows = curves[(curves["agent"] == agent) & (curves["model"] == model)].sort_values("frames")
        if rows["frames"].nunique() < 2:
            continue
        first, last = rows.iloc[0], rows.iloc[-1]
        text = Markup(
            "{} solves <b>{}</b> of the scenes after {} steps of training, from <b>{}</b> before it"
        ).format(look.label, _interval(last), thousands(last["frames"]), _interval(first))
        kind: Kind = "up" if last["low"] > first["high"] else "open"
        if floor is not None:
            text += Markup("; random does <b>{}</b>").format(_interval(floor))
        yield Finding(text + ".", kind)


def _generalization(study: Study) -> Iterator[Finding]:
    try:
        table = study.derive(final.generalization)
    except Absent:
        return
    learners = {(r.agent, r.model) for r in table.itertuples() if r.agent not in REFERENCES}
    for condition, look in study.looks.items():
        if condition not in learners:
            continue
        rows = table[
            (table["agent"] == condition[0]) & (table["model"] == condition[1]) & table["change"].notna()
        ]
        lost = rows[(rows["p_adjusted"] < 0.05) & (rows["change"] < 0)].sort_values("change")
        if lost.empty:
            continue
        parts = [
            Markup("<b>{}</b> under {}").format(_points(row), shift_label(row["shift"]))
            for row in lost.to_dict("records")
        ]
        yield Finding(Markup("{} loses {}.").format(look.label, _listed(parts)), "down")


def _reference(curves: pd.DataFrame, agent: str) -> pd.Series | None:
    rows = curves[curves["agent"] == agent]
    return None if rows.empty else rows.sort_values("frames").iloc[-1]


def _interval(row: pd.Series) -> str:
    return interval_text(row["mean"], row["low"], row["high"])


def _points(row: dict[str, float]) -> str:
    text = f"{100 * row['change']:+.0f} points"
    return text + (
        f" [{100 * row['change_low']:+.0f}, {100 * row['change_high']:+.0f}]"
        if np.isfinite(row["change_low"])
        else ""
    )


def _listed(parts: list[Markup]) -> Markup:
    if len(parts) == 1:
        return parts[0]
    return Markup(", ").join(parts[:-1]) + escape(" and ") + parts[-1]
