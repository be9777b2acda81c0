"""What each part of the prompt changes: a row a part, a panel an agent, both moments beside each other."""

from collections.abc import Mapping

import pandas as pd

from glam_eval.figures.identity import Condition, Look, records, rows_of
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
from glam_eval.language.prompts import ACTIONS, GOAL, TAKEN, observation_part
from glam_eval.statistics.saliency import AFTER, BEFORE

PANELS_PER_ROW = 3
BESIDE = {BEFORE: -0.16, AFTER: 0.16}  # of a part's row


def _place(part: str) -> tuple[int, str]:
    """Return where a part stands: what is told of the task, what was seen from now back, what was done."""
    told = {ACTIONS: 0, GOAL: 1, observation_part(0): 2, TAKEN: 4}
    return told.get(part, 3), part


def draw_parts(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw the share of probability that leaving a part out moves, the moment before training above.

    ``table`` has part, agent, model, moment, mean, low, high and n_seeds.
    """
    names = sorted(set(table["part"].astype(str)), key=_place)
    present = [condition for condition in looks if not rows_of(table, condition).empty]
    drawing, grid = panels(
        len(present),
        PANELS_PER_ROW,
        width=TWO_COLUMNS,
        height=0.2 * len(names) + 0.5,
        extra=0.3,
        sharex=True,
        sharey=True,
    )
    for axes, condition in zip(grid, present, strict=True):
        own, look = records(rows_of(table, condition)), looks[condition]
        dots(
            axes,
            [row["mean"] for row in own],
            [names.index(row["part"]) + BESIDE[row["moment"]] for row in own],
            [row["low"] for row in own],
            [row["high"] for row in own],
            look,
            [row_text(look, f"without {row['part']}, {row['moment']}", row) for row in own],
            filled=[row["moment"] == AFTER for row in own],
        )
        axes.set_title(look.label)
        row_bands(axes, len(names))
        percent_axis(axes, "x")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    grid[0].set_yticks(range(len(names)), names)
    grid[0].set_ylim(len(names) - 0.5, -0.5)
    label_outside(grid, PANELS_PER_ROW, "probability moved")
    return drawing
