"""Right answers before and after training, against chance: a row an agent, a panel a question."""

from collections.abc import Mapping

import pandas as pd

from glam_eval.figures.identity import INK, Condition, Look, records, rows_of
from glam_eval.figures.style import (
    TWO_COLUMNS,
    Drawing,
    dots,
    label_outside,
    panels,
    percent_axis,
    row_bands,
    row_text,
)
from glam_eval.figures.tables.consequences import ASKED
from glam_eval.statistics.consequences import AFTER, BEFORE, SCORINGS

SHOWN = ("right_calibrated", "right")
BESIDE = {BEFORE: -0.16, AFTER: 0.16}  # of an agent's row


def draw_answers(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw shares of right answers: questions side by side, ways of scoring one below the other.

    ``table`` has scoring, question, agent, model, moment, mean, low, high, chance and n_seeds.
    """
    questions = list(dict.fromkeys(table["question"].astype(str)))
    present = [condition for condition in looks if not rows_of(table, condition).empty]
    drawing, grid = panels(
        len(questions) * len(SHOWN),
        len(questions),
        width=TWO_COLUMNS,
        height=0.2 * len(present) + 0.6,
        extra=0.3,
        sharex=True,
        sharey=True,
    )
    asked = [(scoring, question) for scoring in SHOWN for question in questions]
    for axes, (scoring, question) in zip(grid, asked, strict=True):
        rows = table[(table["scoring"] == scoring) & (table["question"] == question)]
        for place, condition in enumerate(present):
            own = records(rows_of(rows, condition))
            dots(
                axes,
                [row["mean"] for row in own],
                [place + BESIDE[row["moment"]] for row in own],
                [row["low"] for row in own],
                [row["high"] for row in own],
                looks[condition],
                [row_text(looks[condition], row["moment"], row) for row in own],
                filled=[row["moment"] == AFTER for row in own],
            )
        axes.axvline(rows["chance"].mean(), color=INK, linewidth=0.8)
        axes.set_title(f"{ASKED.get(question, question)}\n{SCORINGS[scoring]}")
        row_bands(axes, len(present))
        percent_axis(axes, "x")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    grid[0].set_yticks(range(len(present)), [looks[condition].label for condition in present])
    grid[0].set_ylim(len(present) - 0.5, -0.5)
    label_outside(grid, len(questions), "right answers")
    return drawing
