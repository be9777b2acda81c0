"""Findings of saliency: which parts of their prompts agents go by, and what training changed of that."""

from collections.abc import Iterator

import pandas as pd
from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.identity import records, rows_of
from glam_eval.figures.tables.saliency import changes, parts
from glam_eval.language.prompts import GOAL
from glam_eval.report.sentences import Finding, Kind, listed, points, rate
from glam_eval.statistics import condition_name
from glam_eval.statistics.chance import is_goal_blind
from glam_eval.statistics.saliency import AFTER, BEFORE


def saliency_findings(study: Study) -> Iterator[Finding]:
    """Tell of every agent what leaving parts of its prompt out changes, and whether the goal does at all."""
    try:
        table = study.derive(parts)
    except Absent:
        return
    compared = study.derive(changes)
    for condition, look in study.looks.items():
        own = rows_of(table, condition)
        if len(own):
            told = not is_goal_blind(condition[0])
            yield _goes_by(look.label, own, compared[compared["a"] == condition_name(*condition)], told)


def _goes_by(label: str, own: pd.DataFrame, compared: pd.DataFrame, told_goal: bool) -> Finding:
    """Return what parts change after training (before it, where there is none), the largest first."""
    moment = AFTER if AFTER in set(own["moment"]) else BEFORE
    now = records(own[own["moment"] == moment].sort_values("mean", ascending=False))
    moved = {row["part"]: row for row in records(compared)}
    told = []
    for row in now:
        change = moved.get(row["part"])
        from_before = Markup("")
        if change is not None and change["verdict"] in ("higher", "lower"):
            from_before = Markup(", <b>{}</b> points from before").format(points(change))
        told.append(Markup("{} (<b>{}</b>{})").format(row["part"], rate(row), from_before))
    ignored = told_goal and any(row["mean"] == 0 for row in now if row["part"] == GOAL)
    kind: Kind = "down" if ignored else "open"
    text = Markup("{}, {}: left out, a part of the prompt moves as much of its probability of actions: {}{}.")
    ending = Markup("; it <b>ignores its goal</b>") if ignored else ""
    when = moment if len(set(own["moment"])) > 1 else "never trained"
    return Finding(text.format(label, when, listed(told), ending), kind)
