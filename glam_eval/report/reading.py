"""Who reads the goal, in words and in tables: first of all findings, and the last lines of a study."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from glam_eval.figures import Absent, Study
from glam_eval.figures.identity import records
from glam_eval.figures.style import interval_text
from glam_eval.figures.tables.reading import who_reads
from glam_eval.report.matrices import Cell as Number
from glam_eval.report.matrices import Matrix, agent_label
from glam_eval.report.sentences import ONE_BY_ONE, Finding, Kind, grouped, points
from glam_eval.report.tables import AGENT, Cell, Column, Table, number
from glam_eval.statistics import best_goal_blind, condition_name, success_by
from glam_eval.statistics.reading import PARTLY, READS, UNKNOWN, WALKS

Row = dict[str, Any]
WORST_FIRST = (WALKS, UNKNOWN, PARTLY, READS)
KINDS: dict[str, Kind] = {WALKS: "down", UNKNOWN: "open", PARTLY: "open", READS: "up"}
SAID = {
    WALKS: "{} <b>walks</b>, whatever it is told",
    UNKNOWN: "Whether {} reads its goal, these seeds and scenes <b>can't tell</b>",
    PARTLY: "{} <b>reads its goal in part</b>",
    READS: "{} <b>reads its goal</b>",
}
# Columns of the tables: of the statistic, and as they are headed.
SHARES = {
    "success": "success",
    "told": "other goal: told",
    "meant": "other goal: meant",
    "absent": "goal absent",
    "hidden": "goal hidden",
    "first": "first right",
    "first_chance": "chance",
    "first_bot": "bot's",
}
NOTE = (
    "Success with the scene's own goal told; with another thing of the scene told, what is told and what was "
    "meant, whichever is done first; with a goal that names nothing there, and with none. First right: the "
    "first thing committed to is the one told, beside its chance and the bot's. Goal changes: how much more "
    "often the thing meant comes first when it is told (points). Score: success between the best agent "
    "without the goal (0) and the bot (100)."
)
LEGEND = "Other goal: another thing of the scene is told; goal changes: points; score: 0 chance, 100 bot."


def reading_findings(study: Study) -> Iterator[Finding]:
    """Tell of every agent whether it reads, those that walk first; or that it was not asked."""
    try:
        rows = records(study.derive(who_reads))
    except Absent:
        yield from _not_asked(study)
        return
    asked = [row for row in rows if row["verdict"]]
    if len(asked) > ONE_BY_ONE:
        yield _summary(study, asked)
    for verdict in WORST_FIRST:
        for row in rows:
            if row["verdict"] == verdict:
                label = study.looks[row["agent"], row["model"]].label
                yield Finding(_sentence(row, label), KINDS[verdict])


def _summary(study: Study, rows: Sequence[Row]) -> Finding:
    """Return who walks and who reads in one sentence, with what the goal changes for each."""
    told: dict[str, list[str]] = {verdict: [] for verdict in WORST_FIRST}
    for row in rows:
        label = study.looks[row["agent"], row["model"]].label
        told[row["verdict"]].append(f"{label} ({points(_change(row))})")
    lead = "What the goal changes of what is done first, in points, and so who reads it"
    return grouped(lead, {verdict[0].upper() + verdict[1:]: those for verdict, those in told.items()})


def _change(row: Row) -> Row:
    return {"estimate": row["following"], "low": row["following_low"], "high": row["following_high"]}


def _sentence(row: Row, label: str) -> Markup:
    first = float(row["first"])  # with the scene's own goal told, what is told is what is meant
    said = Markup(SAID[row["verdict"]]).format(label)
    shown = Markup(
        ": when another thing of the scene is told, it does that in <b>{}</b> of the episodes and what was "
        "meant in <b>{}</b>; the thing meant comes first in {:.0f}% when it is told and in {:.0f}% when "
        "another is, a change of <b>{}</b> points."
    ).format(
        _interval(row, "told"),
        _interval(row, "meant"),
        100 * first,
        100 * (first - row["following"]),
        points(_change(row)),
    )
    return said + shown + _of_the_way(row)


def _of_the_way(row: Row) -> Markup:
    """Tell how far success goes from chance to the bot's, or that it needs no reading at all."""
    if not row["chance_of"]:
        return Markup("")
    best, chance = agent_label(row["chance_of"]), 100 * row["chance"]
    if row["chance"] >= row["ceiling"]:
        text = Markup(
            " Success takes no reading here: {}, which never knows the goal, reaches <b>{:.0f}%</b>."
        )
        return text.format(best, chance)
    if not np.isfinite(row["score"]):
        return Markup("")
    if row["score"] <= 0:
        text = Markup(
            " Its success of {:.0f}% is no higher than that of the best agent without the goal ({}, {:.0f}%)."
        )
        return text.format(100 * row["success"], best, chance)
    text = Markup(
        " Its success of {:.0f}% is <b>{}</b> of the way from the best agent without the goal ({}, {:.0f}%) "
        "to the bot."
    )
    return text.format(100 * row["success"], _interval(row, "score"), best, chance)


def _not_asked(study: Study) -> Iterator[Finding]:
    """Tell that success was measured without asking whether goals are read, and what walks reach."""
    episodes = study.usual(study.final(study.final_protocol, study.reference_shift))
    if not (study.table("episodes")["frames"] > 0).any():
        return
    text = Markup(
        "Whether these agents read their goal is <b>not asked</b>: no condition tells another goal "
        '("@controls" in a list of conditions does), and success may be a walk'
    )
    best = best_goal_blind(episodes)
    if best is not None:
        rows = success_by(episodes, ["agent", "model"])
        (own,) = records(rows[(rows["agent"] == best[0]) & (rows["model"] == best[1])])
        shown = interval_text(own["mean"], own["low"], own["high"])
        text += Markup("; the best agent without the goal, {}, reaches <b>{}</b>").format(
            study.looks[best].label, shown
        )
    yield Finding(text + ".", "open")


def headline(table: pd.DataFrame) -> list[str]:
    """Return a line an agent: whether it reads, with the swapped goal beside it, those that walk first.

    Of many agents a line a verdict, that names them.
    """
    rows = [] if table.empty else records(table)
    told = {verdict: [row for row in rows if row["verdict"] == verdict] for verdict in WORST_FIRST}
    if sum(map(len, told.values())) > ONE_BY_ONE:
        return [f"{_word(verdict)}: {', '.join(map(_name, own))}" for verdict, own in told.items() if own]
    return [
        f"{_name(row)} {_word(verdict)}: another goal told, it does that in {100 * row['told']:.0f}%, "
        f"what was meant in {100 * row['meant']:.0f}%"
        for verdict, own in told.items()
        for row in own
    ]


def _name(row: Row) -> str:
    return agent_label(condition_name(row["agent"], row["model"]))


def _word(verdict: str) -> str:
    return "may read or walk" if verdict == UNKNOWN else verdict


def reading_table(study: Study) -> Table | None:
    """Return who reads and who walks, a row an agent; None where no condition tells another goal."""
    try:
        rows = records(study.derive(who_reads))
    except Absent:
        return None
    verdict, score, change = Column("Verdict", text=True), Column("Score"), Column("Goal changes")
    shares = {name: Column(title[0].upper() + title[1:]) for name, title in SHARES.items()}
    cells = []
    for row in rows:
        look = study.looks[row["agent"], row["model"]]
        cells.append(
            [
                Cell(AGENT, look.label, color=look.color, filled=look.filled),
                Cell(verdict, row["verdict"] or "reference"),
                *(_cell(column, row, name, "%") for name, column in shares.items()),
                _cell(change, row, "following"),
                _cell(score, row, "score"),
            ]
        )
    columns = [AGENT, verdict, *shares.values(), change, score]
    return Table("reading", "Who reads the goal", NOTE, columns, cells, searchable=False)


def _cell(column: Column, row: Mapping[str, Any], name: str, unit: str = "") -> Cell:
    value, low, high = (100 * row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if not np.isfinite(value):
        return number(column, np.nan)
    value, low, high = (round(end) + 0.0 if np.isfinite(end) else end for end in (value, low, high))
    known = np.isfinite(low) and not name.startswith("first_")
    return Cell(column, f"{value:.0f}{unit}", value, f"[{low:.0f}, {high:.0f}]" if known else "")


def reading_matrices(table: pd.DataFrame) -> list[Matrix]:
    """Return for each protocol that told another goal who reads and who walks, as compare prints it."""
    found = []
    for protocol, rows in table.groupby("protocol", sort=False) if len(table) else ():
        cells: dict[tuple[str, str], Number] = {}
        for row in records(rows):
            name = _name(row)
            cells[name, "verdict"] = Number(np.nan, np.nan, np.nan, words=row["verdict"] or "reference")
            for column, title in SHARES.items():
                bare = column.startswith("first_")
                ends = (np.nan, np.nan) if bare else (row[f"{column}_low"], row[f"{column}_high"])
                cells[name, title] = Number(row[column], *ends)
            for column, title in (("following", "goal changes"), ("score", "score")):
                low, high = row[f"{column}_low"], row[f"{column}_high"]
                cells[name, title] = Number(row[column], low, high, signed=True)
        columns = list(dict.fromkeys(title for _, title in cells))
        names = list(dict.fromkeys(name for name, _ in cells))
        title = f"{protocol}: who reads the goal (%), 95% intervals"
        found.append(Matrix(title, columns, names, cells, _notes(rows)))
    return found


def _notes(rows: pd.DataFrame) -> list[str]:
    told = (f"{_name(row)}: {row['note']}" for row in records(rows) if row["note"] and row["verdict"])
    return [LEGEND, *dict.fromkeys(told)]


def _interval(row: Row, name: str) -> str:
    return interval_text(row[name], row[f"{name}_low"], row[f"{name}_high"])
