"""Findings of learning: where agents began and ended, who does better, and which leads are head starts."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pandas as pd
from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import learning_curves
from glam_eval.figures.identity import Condition, records, rows_of
from glam_eval.figures.style import thousands
from glam_eval.report.compared import against_chance, curve_protocols, difference, learners, turned
from glam_eval.report.sentences import ONE_BY_ONE, Finding, grouped, listed, p_value, points, possible, rate
from glam_eval.statistics.curves import AREA, GAIN

Row = dict[str, Any]


def learning_findings(study: Study) -> Iterator[Finding]:
    """Tell where each learner began and ended, and how that compares with chance: of many, first in sum."""
    try:
        curves = study.derive(learning_curves.table)
    except Absent:
        return
    told = list(_ends(study, curves))
    if len(told) > ONE_BY_ONE:
        yield _summary(study, told)
    for condition, first, last in told:
        text = Markup(
            "{} solves <b>{}</b> of the scenes after {} steps of training, from <b>{}</b> before it"
        ).format(study.looks[condition].label, rate(last), thousands(last["frames"]), rate(first))
        chance, floor = against_chance(study, condition)
        if chance is not None and floor is not None:
            text += Markup("; on the {} scenes it is <b>{}</b> points against chance ({})").format(
                study.final_protocol, points(floor), study.looks[chance].label
            )
        sure = last["low"] > first["high"]
        yield Finding(text + ".", "up" if sure else "open")


def _ends(study: Study, curves: pd.DataFrame) -> Iterator[tuple[Condition, Row, Row]]:
    """Yield each learner with its first and last checkpoint, on the level that most was played on."""
    level = study.usual(study.table("episodes"))["level"].astype(str).mode().iloc[0]
    curves = curves[curves["level"].astype(str) == level]
    for condition in study.looks:
        rows = records(rows_of(curves, condition).sort_values("frames"))
        if len(rows) > 1:
            yield condition, rows[0], rows[-1]


def _summary(study: Study, told: Sequence[tuple[Condition, Row, Row]]) -> Finding:
    """Return who does better than chance in one sentence, with success at the end and at the start."""
    groups: dict[str, list[str]] = {}
    for condition, first, last in told:
        chance, floor = against_chance(study, condition)
        against = "chance" if chance is None else f"chance ({study.looks[chance].label})"
        ends = f"{100 * last['mean']:.0f}% from {100 * first['mean']:.0f}%"
        verdict = "untested" if floor is None else floor["verdict"]
        words = {"higher": "Better than", "untested": "Not tested against"}
        group = f"{words.get(verdict, 'Not shown to be better than')} {against}"
        groups.setdefault(group, []).append(f"{study.looks[condition].label} ({ends})")
    lead = f"Scenes solved after {thousands(told[0][2]['frames'])} steps of training, from before it"
    return grouped(lead, dict(sorted(groups.items())))


def comparing_findings(study: Study) -> Iterator[Finding]:
    """Tell who does better at the end and along training, and by how much of it that is learned."""
    yield from _between(study, study.final_protocol, "success", "At the end of training,")
    for protocol in curve_protocols(study):
        yield from _between(study, protocol, AREA, "In mean success along training,")
        yield from _between(study, protocol, GAIN, "In what training adds to the start, mean along training,")
        yield from _head_starts(study, protocol)


def _between(study: Study, protocol: str, measure: str, when: str) -> Iterator[Finding]:
    """Tell of every two learners which does better, which are within 5 points, and which stay open."""
    label = {condition: look.label for condition, look in study.looks.items()}
    better: dict[str, list[str]] = {}
    same: list[str] = []
    still_open: dict[str, list[str]] = {}
    smallest = []
    for a, b in combinations(learners(study), 2):
        row = difference(study, a, b, protocol, measure)
        if row is None:
            continue
        if row["verdict"] == "lower":
            a, b, row = b, a, turned(row)
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
    if len(still_open) > ONE_BY_ONE and not better and not same:
        text = Markup("{} it stays open of any two of {} agents which does better{}.")
        yield Finding(text.format(when, len(still_open) + 1, _power(smallest)), "open")
    elif still_open:
        pairs = [
            Markup("{} against {}").format(first, listed(others)) for first, others in still_open.items()
        ]
        text = Markup("{} it stays open which does better: {}{}.")
        yield Finding(text.format(when, Markup("; ").join(pairs), _power(smallest)), "open")


def _power(smallest: Sequence[float]) -> Markup:
    """Return which differences so many seeds would have shown."""
    known = sorted(100 * size for size in smallest if possible(size))
    if not known:
        return Markup("")
    ends = dict.fromkeys(f"{size:.0f}" for size in (known[0], known[-1]))
    best = " at best" if any(size >= 1 for size in smallest) else ""
    return Markup(" (with 80% power so many seeds show differences of <b>{}</b> points{})").format(
        " to ".join(ends), best
    )


def _head_starts(study: Study, protocol: str) -> Iterator[Finding]:
    """Tell which leads along training were there before it."""
    label = {condition: look.label for condition, look in study.looks.items()}
    found = []
    for one, other in combinations(learners(study), 2):
        lead = difference(study, one, other, protocol, AREA)
        added = difference(study, one, other, protocol, GAIN)
        if lead is None or added is None or lead["verdict"] not in ("higher", "lower"):
            continue
        a, b = one, other
        if lead["verdict"] == "lower":
            a, b, lead, added = other, one, turned(lead), turned(added)
        if added["verdict"] != "higher":
            found.append(
                Markup("{} over {} (<b>{}</b> points, of which training adds {})").format(
                    label[a], label[b], points(lead), points(added)
                )
            )
    if found:
        text = Markup(
            "A lead along training that was there at its start, or is not shown to be learned, is no sample "
            "efficiency: {}."
        )
        yield Finding(text.format(listed(found)), "open")
