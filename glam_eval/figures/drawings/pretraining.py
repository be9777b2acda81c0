"""What pretraining without one group of families changes: a row an arm, a panel a measure."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from glam_eval.figures.drawings.shifts import shift_label
from glam_eval.figures.identity import INK, Condition, Look, conditions_of, records
from glam_eval.figures.style import TWO_COLUMNS, Drawing, dots, label_outside, panels, row_bands, thousands
from glam_eval.statistics.curves import AREA, END_GAIN, GAIN
from glam_eval.statistics.pretraining_arms import FOLLOWING, START, STEPS

PANELS_PER_ROW = 3
TITLES = {
    START: "before training",
    AREA: "mean along training",
    GAIN: "along training − start",
    END_GAIN: "end − start",
    STEPS: STEPS,
    FOLLOWING: FOLLOWING,
}


def draw_arms(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw the difference of every arm from the whole pretraining, filled where its test tells it from none.

    ``table`` has agent, model, arm, measure, shift, estimate, low, high, verdict and n_seeds.
    """
    arms = list(dict.fromkeys(table["arm"]))
    look = next(looks[condition] for condition in looks if condition in conditions_of(table))
    measured = list(dict.fromkeys(zip(table["measure"], table["shift"], strict=True)))
    drawing, grid = panels(
        len(measured),
        PANELS_PER_ROW,
        width=TWO_COLUMNS,
        height=0.2 * len(arms) + 0.55,
        extra=0.1,
        sharey=True,
    )
    for axes, (measure, shift) in zip(grid, measured, strict=True):
        rows = table[(table["measure"] == measure) & (table["shift"] == shift)]
        told = records(rows)
        sure = [row["verdict"] in ("lower", "higher") for row in told]
        dots(
            axes, rows["estimate"], [arms.index(row["arm"]) for row in told], rows["low"], rows["high"],
            look, [_text(row) for row in told], filled=sure,
        )  # fmt: skip
        row_bands(axes, len(arms))
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_title(measure_label(measure, shift))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=4)
        axes.xaxis.set_major_formatter(_steps_axis if measure == STEPS else _points_axis)
    grid[0].set_yticks(range(len(arms)), arms)
    grid[0].set_ylim(len(arms) - 0.5, -0.5)
    label_outside(grid, PANELS_PER_ROW, "difference from the whole")
    return drawing


def measure_label(measure: str, shift: str) -> str:
    """Return the words for a measure under a condition."""
    if measure in TITLES:
        return TITLES[measure]
    return "success at the end" if shift == "none" else f"success, {shift_label(shift)}"


def _steps_axis(value: float, _: object) -> str:
    return _amount(value, steps=True)


def _points_axis(value: float, _: object) -> str:
    return _amount(value, steps=False)


def _amount(value: float, steps: bool) -> str:
    """Return a difference in steps, or of shares in points, with its sign."""
    if not round(value, 9):
        return "0"
    return f"{'+' if value > 0 else ''}{thousands(value)}" if steps else f"{100 * value:+.0f}"


def _text(row: Mapping[str, object]) -> str:
    """Return what hovering over an arm tells."""
    steps = row["measure"] == STEPS
    value, low, high = (float(str(row[name])) for name in ("estimate", "low", "high"))
    ends = f" [{_amount(low, steps)}, {_amount(high, steps)}]" if np.isfinite(low) else ""
    return f"{row['arm']}: {_amount(value, steps)}{ends}, {row['verdict']}; {row['n_seeds']} pretrainings"
