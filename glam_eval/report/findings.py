"""Findings in plain sentences, each with its numbers and intervals, written from the statistics."""

from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.definitions import generalization
from glam_eval.figures.drawings.shifts import base_label, shift_label
from glam_eval.figures.identity import Condition, records, rows_of
from glam_eval.figures.tables import final
from glam_eval.figures.tables.estimates import WHO
from glam_eval.report.collapse import collapse_findings
from glam_eval.report.compared import against_chance, change, learners
from glam_eval.report.consequences import consequence_findings
from glam_eval.report.learning import comparing_findings, learning_findings
from glam_eval.report.pretraining import pretraining_findings
from glam_eval.report.prompts import prompt_findings
from glam_eval.report.reading import reading_findings
from glam_eval.report.saliency import saliency_findings
from glam_eval.report.sentences import Finding, Kind, bare, listed, points, rate
from glam_eval.statistics import condition_name, success_by
from glam_eval.statistics.chance import is_goal_blind
from glam_eval.statistics.comparison.protocol import BEYOND
from glam_eval.statistics.pretraining_arms import as_arms

WORDS: dict[str, tuple[Kind, str]] = {
    "lower": ("down", "It loses {} points under {}."),
    "higher": ("up", "It gains {} points under {}."),
    "equivalent": ("same", "Within 5 points of no shift, by an equivalence test: {} points under {}."),
    "no worse": ("same", "No worse than 5 points below no shift: {} points under {}."),
}


def findings(study: Study) -> list[Finding]:
    """Return what the study found, in the order of its questions."""
    return [finding for found in findings_by_question(study).values() for finding in found]


def findings_by_question(study: Study) -> dict[str, list[Finding]]:
    """Return what the study found by question: reading first, for nothing else counts of who walks.

    Where pretrainings are compared, agents from models that were pretrained alike are told as one.
    """
    told = by_arm(study)
    found = {
        "Do they read the goal?": [*reading_findings(told), *_alike(study, told)],
        "Do they go on reading?": [*collapse_findings(study)],
        "Do they read it in other prompts?": [*prompt_findings(study)],
        "Which parts of the prompt do they go by?": [*saliency_findings(study)],
        "Do they know what actions do?": [*consequence_findings(study)],
        "What in pretraining helps?": [*pretraining_findings(study)],
        "Do they learn?": [*learning_findings(told), *_wrong_objects(told), *comparing_findings(told)],
        "What survives a change?": [*_generalization(told)],
    }
    kept = {question: answers for question, answers in found.items() if answers}
    return kept or {"": [Finding(Markup("This study holds too little to compare anything."), "open")]}


def by_arm(study: Study) -> Study:
    """Return the study whose seeds are pretrainings, where pretrainings are compared; else the study."""
    arms = as_arms(study.usual(study.table("episodes")))
    return study if arms.empty else Study.of({"episodes": arms})


def _alike(study: Study, told: Study) -> Iterator[Finding]:
    """Tell which agents are told as one."""
    if told is not study:
        text = Markup(
            "Models that differ only in the seed of their pretraining are told here as <b>one</b>, under the "
            "first's name: its seeds are their pretrainings, and trainings from one are averaged."
        )
        yield Finding(text, "open")


def _wrong_objects(study: Study) -> Iterator[Finding]:
    """Tell how often each learner touches an object that the goal does not name, solved episodes included."""
    rows = study.usual(study.final(study.final_protocol, study.reference_shift))
    if "wrong_object" not in rows or rows["wrong_object"].isna().any():
        return
    touched = success_by(rows, WHO, "wrong_object")
    told = []
    for condition in learners(study):
        rates = (rate(row) for row in records(rows_of(touched, condition)))
        told += [Markup("{} in <b>{}</b>").format(study.looks[condition].label, share) for share in rates]
    if told:
        text = Markup(
            "Objects that the goal does not name are touched, solved episodes included: {} of episodes."
        )
        yield Finding(text.format(listed(told)), "open")


def _generalization(study: Study) -> Iterator[Finding]:
    """Tell for each agent which shifts cost it success, which leave it as it was, and which stay open."""
    try:
        table = study.derive(generalization.table)
    except Absent:
        return
    for condition in (learner for learner in learners(study) if not is_goal_blind(learner[0])):
        look = study.looks[condition]
        rows = records(rows_of(table, condition).dropna(subset=["change"]).sort_values("change"))
        _, learned = against_chance(study, condition)
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
        _, row = against_chance(study, condition, shift)
        if row is not None and row["verdict"] == "equivalent":
            gone.append(Markup("{} (<b>{}</b> points)").format(shift_label(shift), points(row)))
    if gone:
        text = Markup("{}: all of it is lost, within 5 points of chance by an equivalence test, under {}.")
        yield Finding(text.format(study.looks[condition].label, listed(gone)), "down")


def _beyond_chance(study: Study, condition: Condition) -> Iterator[Finding]:
    """Tell what other tasks and rooms change for an agent beside what they change without the goal.

    Both changes are told: where a walk gains what an agent near 100% can't, the difference is no loss.
    """
    table = study.derive(final.comparisons)
    own = table[(table["a"] == condition_name(*condition)) & (table["measure"] == BEYOND)]
    chance, _ = against_chance(study, condition)
    if chance is None:
        return
    sides: tuple[tuple[str, Kind], ...] = (("lower", "down"), ("higher", "up"))
    for verdict, kind in sides:
        parts, shown = [], False
        for row in records(own[own["verdict"] == verdict].sort_values("estimate")):
            mine, theirs = (change(study, each, row["shift"], row["b"]) for each in (condition, chance))
            if mine is not None and theirs is not None:
                shown |= mine["verdict"] == verdict
                parts.append(
                    Markup("under {}{} {} against {}, <b>{}</b> points apart").format(
                        shift_label(row["shift"]), _against(row["b"]), bare(mine), bare(theirs), points(row)
                    )
                )
        if parts:
            text = Markup("{}, beside what the same change makes of {}, which never knows the goal: {}.")
            told = text.format(study.looks[condition].label, study.looks[chance].label, listed(parts))
            yield Finding(told, kind if shown else "open")


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
