"""Findings in plain sentences, each with its numbers and intervals, written from the statistics."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import generalization, learning_curves
from glam_eval.figures.drawings.shifts import base_label, shift_label
from glam_eval.figures.identity import Condition, conditions_of, records, rows_of
from glam_eval.figures.style import thousands
from glam_eval.figures.tables import final
from glam_eval.figures.tables.estimates import WHO
from glam_eval.report.reading import reading_findings
from glam_eval.report.sentences import Finding, Kind, listed, p_value, points, rate
from glam_eval.statistics import best_goal_blind, condition_name, success_by
from glam_eval.statistics.chance import is_goal_blind
from glam_eval.statistics.comparison.protocol import BEYOND

WORDS: dict[str, tuple[Kind, str]] = {
    "lower": ("down", "It loses {} points under {}."),
    "higher": ("up", "It gains {} points under {}."),
    "equivalent": ("same", "Within 5 points of no shift, by an equivalence test: {} points under {}."),
    "no worse": ("same", "No worse than 5 points below no shift: {} points under {}."),
}


def findings(study: Study) -> list[Finding]:
    """Return what the study found, by its questions: reading, learning, which agent, generalization."""
    found = [*reading_findings(study), *_learning(study), *_wrong_objects(study)]
    found += _between(study, study.final_protocol, "success", "At the end of training,")
    for protocol in _curves(study):
        found += _between(study, protocol, "area_under_curve", "In mean success along training,")
    found += _generalization(study)
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
        ).format(look.label, rate(last), thousands(last["frames"]), rate(first))
        chance, floor = _against_chance(study, condition)
        if chance is not None and floor is not None:
            text += Markup("; on the {} scenes it is <b>{}</b> points against chance ({})").format(
                study.final_protocol, points(floor), study.looks[chance].label
            )
        sure = last["low"] > first["high"]
        yield Finding(text + ".", "up" if sure else "open")


def _wrong_objects(study: Study) -> Iterator[Finding]:
    """Tell how often each learner touches an object that the goal does not name, solved episodes included."""
    rows = study.usual(study.final(study.final_protocol, study.reference_shift))
    if "wrong_object" not in rows or rows["wrong_object"].isna().any():
        return
    touched = success_by(rows, WHO, "wrong_object")
    told = []
    for condition in _learners(study):
        rates = (rate(row) for row in records(rows_of(touched, condition)))
        told += [Markup("{} in <b>{}</b>").format(study.looks[condition].label, share) for share in rates]
    if told:
        text = Markup(
            "Objects that the goal does not name are touched, solved episodes included: {} of episodes."
        )
        yield Finding(text.format(listed(told)), "open")


def _between(study: Study, protocol: str, measure: str, when: str) -> Iterator[Finding]:
    """Tell of every two learners which does better, which are within 5 points, and which stay open."""
    label = {condition: look.label for condition, look in study.looks.items()}
    better: dict[str, list[str]] = {}
    same: list[str] = []
    still_open: dict[str, list[str]] = {}
    smallest = []
    for a, b in combinations(_learners(study), 2):
        row = _difference(study, a, b, protocol, measure)
        if row is None:
            continue
        if row["verdict"] == "lower":
            a, b, row = b, a, _turned(row)
        seen = Markup("{} (<b>{}</b> points, {})").format(label[b], points(row), p_value(row["p_adjusted"]))
        if row["verdict"] == "higher":
            better.setdefault(label[a], []).append(seen)
        elif row["verdict"] == "equivalent":
            same.append(Markup("{} and {}").format(label[a], seen))
        else:
            still_open.setdefault(label[a], []).append(label[b])
            smallest.append(row["detectable"])
    for winner, beaten in better.items():
        yield Finding(Markup("{} {} does better than {}.").format(when, winner, listed(beaten)), "up")
    if same:
        text = Markup("{} these are within 5 points of one another, by an equivalence test: {}.")
        yield Finding(text.format(when, listed(same)), "same")
    if still_open:
        pairs = [
            Markup("{} against {}").format(first, listed(others)) for first, others in still_open.items()
        ]
        text = Markup("{} it stays open which does better: {}{}.")
        yield Finding(text.format(when, Markup("; ").join(pairs), _power(smallest)), "open")


def _power(smallest: Sequence[float]) -> Markup:
    """Return which differences so many seeds would have shown."""
    known = sorted(100 * size for size in smallest if np.isfinite(size))
    if not known:
        return Markup("")
    ends = dict.fromkeys(f"{size:.0f}" for size in (known[0], known[-1]))
    return Markup(" (with 80% power so many seeds show differences of <b>{}</b> points)").format(
        " to ".join(ends)
    )


def _generalization(study: Study) -> Iterator[Finding]:
    """Tell for each agent which shifts cost it success, which leave it as it was, and which stay open."""
    try:
        table = study.derive(generalization.table)
    except Absent:
        return
    for condition in (learner for learner in _learners(study) if not is_goal_blind(learner[0])):
        look = study.looks[condition]
        rows = records(rows_of(table, condition).dropna(subset=["change"]).sort_values("change"))
        _, learned = _against_chance(study, condition)
        if learned is not None and learned["verdict"] != "higher":
            continue  # an agent at chance has nothing to lose
        for verdict, (kind, sentence) in WORDS.items():
            chosen = [row for row in rows if row["verdict"] == verdict]
            if chosen:
                yield Finding(_about(look.label, sentence, chosen), kind)
        yield from _beyond_chance(study, condition)
        yield from _all_of_it(study, condition, [row["shift"] for row in rows if row["verdict"] == "lower"])
        still_open = [
            shift_label(row["shift"]) for row in rows if row["verdict"] in ("undecided", "untested")
        ]
        if still_open:
            text = Markup("{}: neither a change nor its absence is shown under {}.")
            yield Finding(text.format(look.label, listed(still_open)), "open")


def _all_of_it(study: Study, condition: Condition, lost: Sequence[str]) -> Iterator[Finding]:
    """Tell which shifts leave an agent nothing over chance, where an equivalence test says so."""
    gone = []
    for shift in lost:
        _, row = _against_chance(study, condition, shift)
        if row is not None and row["verdict"] == "equivalent":
            gone.append(Markup("{} (<b>{}</b> points)").format(shift_label(shift), points(row)))
    if gone:
        text = Markup("{}: all of it is lost, within 5 points of chance by an equivalence test, under {}.")
        yield Finding(text.format(study.looks[condition].label, listed(gone)), "down")


def _beyond_chance(study: Study, condition: Condition) -> Iterator[Finding]:
    """Tell what other tasks and rooms cost beyond what they cost the best agent without the goal."""
    table = study.derive(final.comparisons)
    own = table[(table["a"] == condition_name(*condition)) & (table["measure"] == BEYOND)]
    rows = records(own[own["verdict"].isin(["lower", "higher"])].sort_values("estimate"))
    parts = [
        Markup("<b>{}</b> points under {}{}").format(
            points(row), shift_label(row["shift"]), _against(row["b"])
        )
        for row in rows
    ]
    if parts:
        text = Markup("{}, less what the same change makes of chance: {}.")
        yield Finding(
            text.format(study.looks[condition].label, listed(parts)),
            "down" if rows[0]["verdict"] == "lower" else "up",
        )


def _against(base: str) -> str:
    """Return what a change is measured from, where that is not training's own tasks."""
    return "" if base in ("", "none") else f" (against {base_label(base)})"


def _about(label: str, sentence: str, rows: Sequence[dict[str, Any]]) -> Markup:
    """Return one sentence about several shifts: "it loses 20 points under A and 31 points under B"."""
    start, _, end = sentence.partition("{}")
    middle = end.partition("{}")[0]
    sign = -1 if "loses" in sentence else 1
    parts = [
        Markup("<b>{}</b>{}{}{}").format(
            points(row, sign), middle, shift_label(row["shift"]), _against(row["base"])
        )
        for row in rows
    ]
    return Markup("{}: {}{}.").format(label, start[0].lower() + start[1:], listed(parts))


def _learners(study: Study) -> list[Condition]:
    """Return the conditions that were trained, in display order."""
    episodes = study.table("episodes")
    trained = set(conditions_of(episodes[episodes["frames"] > 0]))
    return [condition for condition in study.looks if condition in trained]


def _against_chance(
    study: Study, condition: Condition, shift: str | None = None
) -> tuple[Condition | None, dict[str, Any] | None]:
    """Return the best goal-blind agent under a shift, and how a condition compares with it there."""
    shift = study.reference_shift if shift is None else shift
    best = best_goal_blind(study.usual(study.final(study.final_protocol, shift)))
    if best is None or best == condition:
        return best, None
    return best, _difference(study, condition, best, shift=shift)


def _curves(study: Study) -> list[str]:
    """Return the protocols whose areas under learning curves are compared."""
    table = study.derive(final.comparisons)
    return [str(name) for name in table.loc[table["measure"] == "area_under_curve", "protocol"].unique()]


def _difference(
    study: Study,
    a: Condition,
    b: Condition,
    protocol: str | None = None,
    measure: str = "success",
    shift: str = "none",
) -> dict[str, Any] | None:
    """Return the comparison a - b, at the end of training without a shift unless said; None if not made."""
    rows = study.derive(_pairs)
    names = condition_name(*a), condition_name(*b)
    for turned in (False, True):
        key = (protocol or study.final_protocol, measure, shift, *(reversed(names) if turned else names))
        if key in rows.index:
            row = {str(name): value for name, value in rows.loc[key].to_dict().items()}
            return _turned(row) if turned else row
    return None


def _pairs(study: Study) -> pd.DataFrame:
    """Return the comparisons of two conditions, by what was compared."""
    table = study.derive(final.comparisons)
    return table[table["b"] != ""].set_index(["protocol", "measure", "shift", "a", "b"])


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison seen from the other side."""
    verdict = {"higher": "lower", "lower": "higher", "no worse": "undecided"}.get(
        row["verdict"], row["verdict"]
    )
    ends = {"estimate": -row["estimate"], "low": -row["high"], "high": -row["low"]}
    return row | ends | {"verdict": verdict}
