"""What was trained in against what was tested in: languages, and prompts."""

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd

from glam_eval.config.protocols import condition_rank
from glam_eval.figures.drawings.heatmap import heatmap
from glam_eval.figures.identity import Condition, Look, rows_of
from glam_eval.figures.style import ONE_COLUMN, TWO_COLUMNS, Drawing, label_outside, panels

SHORT = 3  # letters of a language's name that stand side by side below a cell
ROW_CHARACTERS, COLUMN_CHARACTERS = 22, 12  # of a prompt's name in one line


def draw_language_matrix(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw success for each language trained in (rows) and tested in (columns), a panel a condition.

    ``table`` has agent, model, trained_in, tested_in, mean, low, high and n_seeds.
    """
    present = [c for c in looks if not rows_of(table, c).empty]
    trained = sorted(table["trained_in"].astype(str).unique())
    tested = sorted(
        table["tested_in"].astype(str).unique(),
        key=lambda name: (
            trained.index(name) if name in trained else len(trained),
            condition_rank(f"none@{name}"),
        ),
    )
    width = ONE_COLUMN if len(present) == 1 else TWO_COLUMNS
    upright = max(map(len, tested)) > SHORT  # names that would run into each other
    height = 0.3 * len(trained) + (0.6 + 0.06 * max(map(len, tested)) if upright else 0.75)
    drawing, grid = panels(len(present), 3, width=width, height=height, sharey=True)
    for axes, condition in zip(grid, present, strict=True):
        cells = rows_of(table, condition).set_index(["trained_in", "tested_in"])["mean"].to_dict()
        values = [[cells.get((row, column), np.nan) for column in tested] for row in trained]
        words = [[f"{100 * value:.0f}%" for value in row] for row in values]
        heatmap(axes, values, words, rows=trained, columns=tested, colors="cividis")
        axes.set_title(looks[condition].label)
        axes.tick_params(axis="x", rotation=90 if upright else 0)
    label_outside(grid, 3, "tested in", "trained in")
    return drawing


def draw_prompt_matrix(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw success, and what the goal changes, by prompt of training (rows) and test, a panel a condition.

    ``table`` has agent, model, trained_with, tested_with, mean, low, high, following and n_seeds.
    """
    present = [c for c in looks if not rows_of(table, c).empty]
    tested = sorted(
        table["tested_with"].astype(str).unique(), key=lambda name: condition_rank(f"none.{name}")
    )
    trained = sorted(
        table["trained_with"].astype(str).unique(),
        key=lambda name: (name not in tested, "+" not in name, condition_rank(f"none.{name}")),
    )
    columns = [fill(prompt_label(name), COLUMN_CHARACTERS) for name in tested]
    titles = [fill(prompt_label(name), ROW_CHARACTERS) for name in trained]
    width = ONE_COLUMN if len(present) == 1 else TWO_COLUMNS
    drawing, grid = panels(len(present), 2, width=width, height=0.36 * len(trained) + 0.8, sharey=True)
    for axes, condition in zip(grid, present, strict=True):
        cells = rows_of(table, condition).set_index(["trained_with", "tested_with"])
        success, change = (cells[name].to_dict() for name in ("mean", "following"))
        values = [[success.get((row, column), np.nan) for column in tested] for row in trained]
        words = [
            [
                _success_and_change(value, change.get((row, column), np.nan))
                for column, value in zip(tested, own, strict=True)
            ]
            for row, own in zip(trained, values, strict=True)
        ]
        heatmap(axes, values, words, rows=titles, columns=columns, colors="cividis")
        axes.set_title(looks[condition].label)
    label_outside(grid, 2, "asked in", "trained with")
    return drawing


def prompt_label(template: str) -> str:
    """Return the words for a prompt template, or for a mixture of several."""
    return " + ".join(name.replace("_", " ") for name in template.split("+"))


def _success_and_change(success: float, change: float) -> str:
    if np.isnan(change):
        return f"{100 * success:.0f}%"
    points = round(100 * change)
    return f"{100 * success:.0f}%\n{points:{'+' if points else ''}d}"
