"""What a figure is: the table it draws, how it is drawn, and what its caption says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from glam_eval.figures.identity import Condition, Look
from glam_eval.figures.study import Study
from glam_eval.figures.style import Drawing

Draw = Callable[[pd.DataFrame, Mapping[Condition, Look]], Drawing]

# What captions say of intervals; each names the method of the statistic that it stands beside.
BANDS = "Shaded: 95% simultaneous bands along the curve, crossed variance of seeds and scenes."
BARS = "Bars: 95% intervals, variance of seeds and scenes."
WHOLE_SEEDS = "95% intervals over seeds, each with all of its conditions."


@dataclass(frozen=True)
class FigureDefinition:
    """One figure, as ``FIGURE`` of a file in ``glam_eval/figures/definitions`` or of a file of your own.

    Attributes:
        name: Of its files, and of ``glam-eval figures --name``.
        title: Of its caption and of its section in the report.
        table: Returns exactly the numbers drawn, with a column n_seeds; raises Absent where a study has no
            data for the figure. Which episodes and which statistic is its business.
        draw: Draws the table, given the look of every condition; it computes nothing.
        explanation: What the caption says after the title: measure, statistic, intervals, test.
    """

    name: str
    title: str
    table: Callable[[Study], pd.DataFrame]
    draw: Draw
    explanation: str

    def caption(self, table: pd.DataFrame) -> str:
        """Return the caption, with the numbers of seeds and episodes that the table rests on."""
        return f"{self.title}. {self.explanation} {sample_size(table)}"


def sample_size(table: pd.DataFrame) -> str:
    """Return what a table rests on, and a warning in words where the seeds are few."""
    table = table[table["n_seeds"] > 0]
    if table.empty:
        return ""
    few, many = int(table["n_seeds"].min()), int(table["n_seeds"].max())
    text = f"n = {few} seed{'s' * (few != 1)}" if few == many else f"n = {few} to {many} seeds"
    if "n_episodes" in table:
        low, high = int(table["n_episodes"].min()), int(table["n_episodes"].max())
        text += f", {low} episodes each" if low == high else f", {low} to {high} episodes each"
    if few == 1:
        text += "; one seed gives no interval"
    elif few < 5:
        text += "; with fewer than 5 seeds intervals are wide and tests have little power"
    return text + "."
