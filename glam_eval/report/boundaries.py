"""Tables of what a study is sure of: what it cannot show, and how far answers and values can be trusted."""

from typing import Any

import numpy as np
import pandas as pd

from glam_eval.figures import Absent, Study
from glam_eval.figures.drawings.shifts import base_label, shift_label
from glam_eval.figures.identity import records
from glam_eval.figures.tables import final
from glam_eval.figures.tables.estimates import WHO
from glam_eval.report.matrices import agent_label
from glam_eval.report.sentences import possible
from glam_eval.report.tables import AGENT, Cell, Column, Table, number, table_of
from glam_eval.statistics import calibration, plan_power, value_calibration, variance_shares

SHOWN = 0.1  # the difference that a plan is made for
COMPARED, SEEN = Column("Compared", text=True), Column("Differences seen (points)")
SEEDS, WORDS = Column("Seeds for 10 points"), Column("In words", text=True)


def unseen_table(study: Study) -> Table | None:
    """Return the comparisons that stayed undecided, with what they would have shown; None if none did."""
    table = study.derive(final.comparisons)
    undecided = table[table["verdict"].isin(["undecided", "untested"]) & (table["measure"] == "success")]
    if undecided.empty:
        return None
    needed = _seeds_needed(study)
    rows = []
    for row in records(undecided.sort_values("detectable", ascending=False, kind="stable")):
        named, seeds = _compared(row, set(table["a"])), needed.get((row["shift"], row["a"], row["b"]), np.nan)
        rows.append(
            [
                Cell(COMPARED, named),
                number(SEEN, 100 * row["detectable"], None if possible(row["detectable"]) else "none"),
                number(SEEDS, seeds),
                Cell(WORDS, _words(row, seeds)),
            ]
        )
    note = (
        "Undecided is not equal: of each comparison, the smallest difference that so many seeds and scenes "
        "show with 80% power, tested with its family, and the seeds that the same scenes need for 10 points."
    )
    return table_of("unseen", "What this study cannot show", note, [COMPARED, SEEN, SEEDS, WORDS], rows)


def trust_table(study: Study) -> Table | None:
    """Return calibration of the likeliest answer to probes and of the critic; None where neither is known."""
    asked, claimed, found, error = (
        Column("Of", text=True),
        Column("Claimed"),
        Column("Found"),
        Column("Error"),
    )
    parts = []
    if "probes" in study.tables:
        parts.append(
            ("answers to probes", calibration(study.usual(study.table("probes"))), "confidence", "accuracy")
        )
    if {"value", "discounted_return"} <= set(study.table("episodes")):
        played = study.usual(study.final(study.final_protocol, study.reference_shift))
        parts.append(("critic's first value", value_calibration(played, WHO), "value", "discounted_return"))
    rows = [
        [
            Cell(AGENT, study.looks[row["agent"], row["model"]].label),
            Cell(asked, what),
            number(claimed, row[first], f"{row[first]:.2f}"),
            number(found, row[second], f"{row[second]:.2f}"),
            Cell(error, f"{row['error']:.2f}", row["error"], _interval(row)),
        ]
        for what, table, first, second in parts
        for row in records(table)
        if (row["agent"], row["model"]) in study.looks
    ]
    note = "Error: mean distance of what is claimed from what is found, in ten bins of equally many claims."
    return (
        table_of("trust", "Calibration", note, [AGENT, asked, claimed, found, error], rows) if rows else None
    )


def variance_table(study: Study) -> Table | None:
    """Return how much of each agent's success is seed, scene and draw; None where nothing varies."""
    parts = (Column("Seed"), "seed_share"), (Column("Scene"), "scene_share"), (Column("Draw"), "draw_share")
    shares = variance_shares(study.usual(study.final(study.final_protocol, study.reference_shift)))
    rows = [
        [
            Cell(AGENT, study.looks[row["agent"], row["model"]].label),
            *(number(column, row[name], f"{100 * row[name]:.0f}%") for column, name in parts),
        ]
        for row in records(shares)
    ]
    note = (
        "Shares of the variance of a logit, from a mixed-effects logistic model with seeds and scenes "
        "crossed: what another training, another scene and another draw of the same policy change. Its odds "
        "are printed by compare --mixed."
    )
    columns = [AGENT, *(column for column, _ in parts)]
    return table_of("variance", "Where success varies", note, columns, rows) if rows else None


def _seeds_needed(study: Study) -> dict[tuple[str, str, str], float]:
    try:
        rows = study.usual(study.final(study.final_protocol))
    except Absent:
        return {}
    scenes = (int(rows["scene_seed"].nunique()),)
    plan = plan_power(rows, difference=SHOWN, scenes=scenes, runs=study.tables.get("runs"))
    return {(row["shift"], row["a"], row["b"]): row["seeds_needed"] for row in records(plan)}


def _compared(row: dict[str, Any], agents: set[str]) -> str:
    if row["b"] in agents:
        return f"{agent_label(row['a'])} − {agent_label(row['b'])}, {shift_label(row['shift'])}"
    return f"{agent_label(row['a'])}: {shift_label(row['shift'])} − {base_label(row['b'])}"


def _words(row: dict[str, Any], seeds: float) -> str:
    if row["verdict"] == "untested" or not np.isfinite(row["detectable"]):
        return str(row["note"]) or "not tested"
    size = row["detectable"]
    text = (
        f"differences below {100 * size:.0f} points stay unseen" if possible(size) else "none would be seen"
    )
    if np.isnan(seeds):
        return text
    return f"{text}; {seeds:.0f} seeds would show 10"


def _interval(row: dict[str, Any]) -> str:
    return f"[{row['low']:.2f}, {row['high']:.2f}]" if pd.notna(row["low"]) else ""
