"""Findings of prompts: who still reads in another format, and what training on several costs."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.drawings.matrices import prompt_label
from glam_eval.figures.identity import records
from glam_eval.figures.tables.prompts import (
    TESTED,
    TRAINED,
    UNTRAINED,
    by_prompt,
    prompt_comparisons,
    trained_name,
)
from glam_eval.report.compared import turned
from glam_eval.report.sentences import Finding, Kind, listed, points
from glam_eval.statistics.reading import PARTLY, READS, UNKNOWN, WALKS

Row = dict[str, Any]
SAID = {
    READS: "<b>reads</b> its goal in {}",
    PARTLY: "reads it <b>in part</b> in {}",
    WALKS: "<b>walks</b> in {}",
    UNKNOWN: "may do either in {}",
}


def prompt_findings(study: Study) -> Iterator[Finding]:
    """Tell of every agent and prompt of training in which prompts it reads, and what mixing changes."""
    try:
        table = study.derive(by_prompt)
    except Absent:
        return
    changes = study.derive(prompt_comparisons)
    trained = table[table[TRAINED] != UNTRAINED]
    for (agent, model), rows in trained.groupby(["agent", "model"], observed=True, sort=False):
        label = study.looks[str(agent), str(model)].label
        names = {name: trained_name(str(agent), str(model), name) for name in rows[TRAINED].unique()}
        for template, name in names.items():
            own = records(rows[rows[TRAINED] == template])
            yield from _read(
                f"{label}, trained with {_prompt(template)},", own, changes[changes["a"] == name]
            )
        for mixture in (each for each in names if "+" in each):
            singles = {single: names[single] for single in mixture.split("+") if single in names}
            yield from _mixed(label, mixture, names[mixture], singles, changes)


def _prompt(template: str) -> str:
    mixed = "+" in template
    return (
        f"the prompts {prompt_label(template)} in turn" if mixed else f"the {prompt_label(template)} prompt"
    )


def _read(who: str, rows: list[Row], changes: pd.DataFrame) -> Iterator[Finding]:
    """Tell in which prompts an agent reads, and how much its success differs from that in its own."""
    drops = {row["shift"]: row for row in records(changes[changes["b"] == "none"])}
    parts = []
    for verdict, sentence in SAID.items():
        chosen = [row for row in rows if row["verdict"] == verdict]
        if chosen:
            told = [_with_change(row[TESTED], drops.get(f"none.{row[TESTED]}")) for row in chosen]
            parts.append(Markup(sentence).format(listed(told)))
    if parts:
        verdicts = {row["verdict"] for row in rows}
        kind: Kind = "down" if verdicts & {PARTLY, WALKS} else "open" if UNKNOWN in verdicts else "up"
        yield Finding(Markup("{} {}.").format(who, listed(parts)), kind)


def _with_change(template: str, change: Row | None) -> Markup:
    name = prompt_label(template)
    if change is None or change["verdict"] not in ("lower", "higher"):
        return Markup("{}").format(name)
    return Markup("{} (success <b>{}</b> points)").format(name, points(change))


def _mixed(
    label: str, mixture: str, name: str, singles: dict[str, str], changes: pd.DataFrame
) -> Iterator[Finding]:
    """Tell how training on a mixture compares, in each prompt of it, with training on that prompt alone."""
    told = []
    pairs = {(row["shift"], row["a"], row["b"]): row for row in records(changes[changes["b"] != ""])}
    verdicts = set()
    for single, alone in singles.items():
        shift = f"none.{single}"
        row = pairs.get((shift, name, alone))
        if row is None and (shift, alone, name) in pairs:
            row = turned(pairs[shift, alone, name])
        if row is not None:
            verdicts.add(row["verdict"])
            told.append(Markup("<b>{}</b> points in {}").format(points(row), prompt_label(single)))
    if told:
        text = Markup("{} trained with {} against training with each alone, at equal frames: {}.")
        kind: Kind = "down" if "lower" in verdicts else "up" if "higher" in verdicts else "open"
        yield Finding(text.format(label, _prompt(mixture), listed(told)), kind)
