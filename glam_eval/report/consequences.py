"""Findings of consequences: what models know of what actions do, and what acting teaches them of it."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.identity import records
from glam_eval.figures.tables.consequences import DECIDES, answers, contrasts
from glam_eval.report.sentences import Finding, Kind, listed, points
from glam_eval.statistics import condition_name
from glam_eval.statistics.consequences import AFTER, BEFORE, CHANCE

Row = dict[str, Any]
TELLS = {
    "observation": "which observation follows an action",
    "reached": "whether a goal is reached",
    "shorter": "which of two goals is fewer steps away",
}


def consequence_findings(study: Study) -> Iterator[Finding]:
    """Tell of every agent how much its model knows, what training changed of it, and who knows more then."""
    try:
        table = study.derive(answers)
    except Absent:
        return
    compared = study.derive(contrasts)
    table = table[table["scoring"] == DECIDES]
    labels = {condition_name(*condition): look.label for condition, look in study.looks.items()}
    for name, label in labels.items():
        own = table[
            [condition_name(*who) == name for who in zip(table["agent"], table["model"], strict=True)]
        ]
        if len(own):
            yield _known(label, own, compared[compared["a"] == name])
    between = compared[compared["a"].isin(labels) & compared["b"].isin(labels)]
    told = [
        Markup("{} than {} of {} (<b>{}</b> points)").format(
            Markup("{} knows {}").format(labels[row["a"]], "more" if row["verdict"] == "higher" else "less"),
            labels[row["b"]],
            TELLS[row["question"]],
            points(row),
        )
        for row in records(between[between["verdict"].isin(["higher", "lower"])])
    ]
    if told:
        yield Finding(Markup("After training, {}.").format(listed(told)), "open")


def _known(label: str, own: pd.DataFrame, compared: pd.DataFrame) -> Finding:
    """Return what one model answers after training (before it, where it is not trained), by question."""
    trained = AFTER in set(own["moment"])
    moment = AFTER if trained else BEFORE
    parts, verdicts = [], []
    for row in records(own[own["moment"] == moment]):
        asked = compared[compared["question"] == row["question"]]
        (chance,) = records(asked[(asked["b"] == CHANCE) & (asked["moment"] == moment)])
        changes = records(asked[asked["b"] == BEFORE])
        verdicts += [change["verdict"] for change in changes] if trained else [chance["verdict"]]
        parts.append(_part(row, chance, changes))
    kind: Kind = (
        "up" if "higher" in verdicts else "down" if "lower" in verdicts
        else "same" if set(verdicts) == {"equivalent"} else "open"
    )  # fmt: skip
    text = Markup("The model of {}, {}, tells {}.")
    return Finding(text.format(label, moment if trained else "never trained", listed(parts)), kind)


def _part(row: Row, chance: Row, changes: list[Row]) -> Markup:
    beyond = {"higher": "more than", "lower": "less than", "equivalent": "within 5 points of"}
    against = beyond.get(chance["verdict"], "not shown to differ from")
    # The interval is that of the test: one of the share itself would be another.
    beside = [
        Markup("{} chance, {:.0f}%, by <b>{}</b> points").format(against, 100 * row["chance"], points(chance))
    ]
    beside += [Markup("<b>{}</b> points from before").format(points(change)) for change in changes]
    return Markup("{} in <b>{:.0f}%</b> of cases ({})").format(
        TELLS[row["question"]], 100 * row["mean"], Markup("; ").join(beside)
    )
