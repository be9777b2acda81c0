"""Findings of learning: where agents began and ended, who does better, and which leads are head starts."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import learning_curves
from glam_eval.figures.identity import records, rows_of
from glam_eval.figures.style import thousands
from glam_eval.report.compared import against_chance, curve_protocols, difference, learners, turned
from glam_eval.report.sentences import Finding, listed, p_value, points, possible, rate
from glam_eval.statistics.curves import AREA, GAIN


def learning_findings(study: Study) -> Iterator[Finding]:
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
        chance, floor = against_chance(study, condition)
        if chance is not None and floor is not None:
            text += Markup("; on the {} scenes it is <b>{}</b> points against chance ({})").format(
                study.final_protocol, points(floor), study.looks[chance].label
            )
        sure = last["low"] > first["high"]
        yield Finding(text + ".", "up" if sure else "open")


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
    if still_open:
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
