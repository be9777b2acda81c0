"""Success against one thing varied: actions, distractors, memory, composition length, model size, cost."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from glam_eval.figures.identity import Condition, Look, records, rows_of
from glam_eval.figures.style import (
    ONE_COLUMN,
    QUIET,
    TWO_COLUMNS,
    Drawing,
    dots,
    legend_below,
    offsets,
    panels,
    percent_axis,
    row_text,
    thousands,
)


def draw_sweep(table: pd.DataFrame, looks: Mapping[Condition, Look], label: str) -> Drawing:
    """Draw success at each value of a factor, evenly spaced, one panel a measure.

    ``table`` has measure, value, agent, model, mean, low, high and n_seeds; ``label`` names the factor.
    """
    values = sorted(table["value"].unique())
    measures = list(dict.fromkeys(table["measure"]))
    width = TWO_COLUMNS if len(measures) > 1 else ONE_COLUMN + 0.6
    drawing, grid = panels(len(measures), 2, width=width, height=2.0, extra=0.45, sharey=True)
    present = [c for c in looks if not rows_of(table, c).empty]
    for axes, measure in zip(grid, measures, strict=True):
        for offset, condition in zip(offsets(len(present), 0.5), present, strict=True):
            rows = rows_of(table[table["measure"] == measure], condition).sort_values("value")
            at = np.array([values.index(v) for v in rows["value"]]) + offset
            look = looks[condition]
            axes.plot(at, rows["mean"], color=look.color, linestyle=look.dash, linewidth=0.8, zorder=1)
            texts = _texts(rows, look, f"{label} ")
            dots(axes, at, rows["mean"], rows["low"], rows["high"], look, texts, vertical=True)
        axes.set_xticks(range(len(values)), [_value(v) for v in values])
        axes.set(title=measure, xlabel=label)
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.grid(axis="x", visible=False)
        percent_axis(axes)
    grid[0].set_ylabel("success rate")
    legend_below(drawing)
    return drawing


def draw_scaling(table: pd.DataFrame, looks: Mapping[Condition, Look], label: str = "parameters") -> Drawing:
    """Draw success against a positive quantity on a logarithmic axis, one panel a measure.

    ``table`` has measure, value, agent, model, mean, low, high and n_seeds. An agent's models are joined.
    """
    measures = list(dict.fromkeys(table["measure"]))
    width = TWO_COLUMNS if len(measures) > 1 else ONE_COLUMN + 0.9
    drawing, grid = panels(len(measures), 2, width=width, height=2.1, extra=0.5, sharey=True)
    for axes, measure in zip(grid, measures, strict=True):
        rows = table[table["measure"] == measure]
        for _, line in rows.sort_values("value").groupby("agent", observed=True):
            axes.plot(line["value"], line["mean"], color=QUIET, linewidth=0.8, zorder=1)
        for condition, look in looks.items():
            own = rows_of(rows, condition)
            if not own.empty:
                texts = _texts(own, look, "", f" {label}")
                dots(axes, own["value"], own["mean"], own["low"], own["high"], look, texts, vertical=True)
        axes.set(title=measure, xlabel=label)
        _logarithmic(axes, rows["value"])
        percent_axis(axes)
    grid[0].set_ylabel("success rate")
    legend_below(drawing)
    return drawing


def _logarithmic(axes: Axes, values: pd.Series) -> None:
    """Scale the horizontal axis by ratios, with ticks at 1, 2 and 5 that say k, M or B."""
    low, high = float(values.min()), float(values.max())
    axes.set_xscale("log")
    axes.set_xlim(low / 1.6, high * 1.6)
    ticks = [m * 10.0**e for e in range(-4, 13) for m in ((1,) if high / low > 300 else (1, 2, 5))]
    axes.set_xticks([t for t in ticks if low / 1.6 <= t <= high * 1.6])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: thousands(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()


def _texts(rows: pd.DataFrame, look: Look, before: str, after: str = "") -> list[str]:
    return [row_text(look, f"{before}{_value(row['value'])}{after}", row) for row in records(rows)]


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else thousands(value)
