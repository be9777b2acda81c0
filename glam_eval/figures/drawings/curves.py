"""Curves along training: success against frames, for all agents or for the pretraining ablation."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from glam_eval.figures.identity import Condition, Look, conditions_of, records, rows_of
from glam_eval.figures.style import (
    QUIET,
    TWO_COLUMNS,
    Drawing,
    curve,
    drawing_of,
    frames_axis,
    label_outside,
    legend_below,
    panels,
    percent_axis,
    row_text,
    thousands,
)

OVERLAID = 5  # more curves than this in one panel hide one another's ribbons
PANELS_PER_ROW = 4


def draw_curves(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw success against frames with simultaneous bands: overlaid, or one panel a condition if many.

    ``table`` has level, agent, model, frames, mean, low, high, band_low, band_high and n_seeds. A condition
    with a single checkpoint is a horizontal reference line.
    """
    levels = list(dict.fromkeys(table["level"].astype(str)))
    learners = [
        c for c in looks if c in conditions_of(table) and len(rows_of(table, c)["frames"].unique()) > 1
    ]
    if len(learners) > OVERLAID:
        return _small_multiples(table, looks, learners, levels)
    width = TWO_COLUMNS if len(levels) > 1 else 0.72 * TWO_COLUMNS
    drawing, grid = panels(len(levels), 3, width=width, height=2.5, sharey=True)
    for axes, level in zip(grid, levels, strict=True):
        for condition, look in looks.items():
            draw_condition(axes, rows_of(table[table["level"] == level], condition), look)
        _finish(axes, level if len(levels) > 1 else "")
    label_outside(grid, 3, "environment steps", "success rate")
    legend_below(drawing)
    return drawing


def _small_multiples(
    table: pd.DataFrame, looks: Mapping[Condition, Look], learners: list[Condition], levels: list[str]
) -> Drawing:
    """Draw one panel a level and learner, the level's other learners behind it in grey."""
    places = [(level, condition) for level in levels for condition in learners]
    drawing, grid = panels(
        len(places), PANELS_PER_ROW, width=TWO_COLUMNS, height=1.5, sharex=True, sharey=True
    )
    references = [c for c in looks if c not in learners]
    for axes, (level, condition) in zip(grid, places, strict=True):
        there = table[table["level"] == level]
        for other in learners:
            others = rows_of(there, other).sort_values("frames")
            axes.plot(others["frames"], others["mean"], color=QUIET, linewidth=0.6, zorder=1)
        for reference in references:
            draw_condition(axes, rows_of(there, reference), looks[reference])
        draw_condition(axes, rows_of(there, condition), looks[condition])
        label = looks[condition].label
        _finish(axes, label if len(levels) == 1 else f"{label}\n{level}")
    label_outside(grid, PANELS_PER_ROW, "environment steps", "success rate")
    if references:
        legend_below(drawing, [looks[c].label for c in references])
    return drawing


def draw_condition(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    """Draw a condition's curve with its band, or a line across the panel where it has one checkpoint."""
    rows = rows.sort_values("frames")
    if rows.empty:
        return
    texts = [row_text(look, f"{thousands(row['frames'])} steps", row) for row in records(rows)]
    if len(rows) > 1:
        band = (
            rows
            if rows["band_low"].notna().any()
            else rows.assign(band_low=rows["low"], band_high=rows["high"])
        )
        curve(axes, rows["frames"], rows["mean"], band["band_low"], band["band_high"], look, texts)
        return
    only = rows.iloc[0]
    line = axes.axhline(
        only["mean"], color=look.color, linestyle=look.dash, linewidth=1, label=look.label, zorder=1.5
    )
    if np.isfinite(only["low"]) and np.isfinite(only["high"]):
        axes.axhspan(only["low"], only["high"], color=look.color, alpha=0.1, linewidth=0)
    drawing_of(axes).explain(line, texts)


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title)
    percent_axis(axes)
    frames_axis(axes)
    axes.margins(x=0.02)
    axes.locator_params(axis="x", nbins=4)
