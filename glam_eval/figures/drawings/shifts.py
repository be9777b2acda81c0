"""What survives a change: success under each condition, and learning online against offline."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from glam_eval.config.protocols import split_condition
from glam_eval.figures.identity import INK, Condition, Look, records, rows_of
from glam_eval.figures.style import (
    QUIET,
    TWO_COLUMNS,
    Drawing,
    dots,
    interval_text,
    label_outside,
    legend_below,
    offsets,
    panels,
    percent_axis,
    row_bands,
)
from glam_eval.language.shifts import GOAL_IN, IN_GOAL

DODGED = 4  # conditions that one row can hold side by side
PANELS_PER_ROW = 3
_LANGUAGES = {
    "en": "English",
    "fr": "French",
    "de": "German",
    "ro": "Romanian",
    "es": "Spanish",
    "it": "Italian",
}


def shift_label(shift: str) -> str:
    """Return the words for a condition's name: none@fr.tags~absent is "French, tags prompt, goal absent".

    What is changed of the goal's sentence alone follows "goal:", for instance "goal: French".
    """
    shift, template, goal = split_condition(shift)
    besides = [f"{template.replace('_', ' ')} prompt"] * bool(template) + [f"goal {goal}"] * bool(goal)
    if besides:
        return ", ".join(besides if shift == "none" else [shift_label(shift), *besides])
    name, _, language = shift.partition("@")
    alone, code = language.startswith(GOAL_IN), language.removeprefix(GOAL_IN)
    spoken = _LANGUAGES.get(code, code)
    words: dict[bool, list[str]] = {False: [], True: []}
    for part in name.split("+"):
        words[part.endswith(IN_GOAL)].append("" if part == "none" else part.removesuffix(IN_GOAL))
    of_all = _changed(words[False], "" if alone else spoken)
    of_goal = _changed(words[True], spoken if alone else "")
    label = ", ".join([of_all] * bool(of_all) + [f"goal: {of_goal}"] * bool(of_goal)) or "no change"
    return label if label.strip() else "no name"  # in others' tables


def _changed(shifts: Sequence[str], language: str) -> str:
    """Return the words for shifts and a language, each of which may be missing."""
    names = " + ".join(shift.replace("_", " ") for shift in shifts if shift)
    return f"{names} in {language}" if names and language else names or language


def base_label(base: str) -> str:
    """Return the words for what a shift is compared with: "none: pickup" is "pickup"."""
    _, at, kinds = base.partition(": ")
    return kinds.replace("_", " ") if at else shift_label(base) if base else ""


def draw_generalization(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw success under each shift and its paired change from no shift, as dots with intervals.

    ``table`` has shift, agent, model, mean, low, high, change, change_low, change_high, p_adjusted and
    n_seeds. A hollow dot is a change that the test does not tell from none.
    """
    shifts = list(dict.fromkeys(table["shift"].astype(str)))
    present = [c for c in looks if not rows_of(table, c).empty]
    if len(present) > DODGED:
        return _panel_per_condition(table, looks, shifts, present)
    drawing = Drawing(TWO_COLUMNS, max(1.6, (0.14 + 0.11 * len(present)) * len(shifts) + 0.9))
    success, change = drawing.subplots(1, 2, sharey=True, width_ratios=(1, 1))
    for offset, condition in zip(offsets(len(present), 0.6), present, strict=True):
        rows, look = rows_of(table, condition), looks[condition]
        heights = np.array([shifts.index(s) for s in rows["shift"]]) + offset
        texts = _texts(rows, look)
        dots(
            success, rows["mean"], heights, rows["low"], rows["high"], look, texts, filled=[True] * len(rows)
        )
        moved = rows[rows["change"].notna()]
        at = np.array([shifts.index(s) for s in moved["shift"]]) + offset
        filled = list(moved["p_adjusted"] < 0.05)
        dots(
            change,
            moved["change"],
            at,
            moved["change_low"],
            moved["change_high"],
            look,
            _texts(moved, look),
            filled=filled,
        )
    _rows_axis(success, shifts)
    percent_axis(success, "x")
    for axes in (success, change):
        row_bands(axes, len(shifts))
    success.set_title("Success rate")
    percent_axis(change, "x", None)
    change.axvline(0, color=INK, linewidth=0.8)
    change.set_title("Paired change from no shift (points)")
    change.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}" if value else "0")
    legend_below(drawing)
    return drawing


def _panel_per_condition(
    table: pd.DataFrame, looks: Mapping[Condition, Look], shifts: Sequence[str], present: Sequence[Condition]
) -> Drawing:
    """Draw one panel a condition: success under each shift against a line at its success without."""
    height = 0.16 * len(shifts) + 0.45
    drawing, grid = panels(
        len(present), PANELS_PER_ROW, width=TWO_COLUMNS, height=height, sharex=True, sharey=True
    )
    for axes, condition in zip(grid, present, strict=True):
        rows, look = rows_of(table, condition), looks[condition]
        heights = [shifts.index(s) for s in rows["shift"]]
        base = rows.loc[rows["shift"] == "none", "mean"]
        if not base.empty:
            axes.axvline(float(base.iloc[0]), color=QUIET, linewidth=1, linestyle="--")
        filled = list((rows["p_adjusted"] < 0.05) | (rows["shift"] == "none"))
        dots(axes, rows["mean"], heights, rows["low"], rows["high"], look, _texts(rows, look), filled=filled)
        axes.set_title(look.label)
        percent_axis(axes, "x")
        axes.locator_params(axis="x", nbins=3)
    _rows_axis(grid[0], shifts)
    label_outside(grid, PANELS_PER_ROW, "success rate")
    return drawing


def draw_against_paper(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw our success under each shift as dots, the published as open diamonds below them.

    ``table`` has shift, agent, model, mean, low, high, published, published_low, published_high and n_seeds.
    """
    shifts = list(dict.fromkeys(table["shift"].astype(str)))
    present = [c for c in looks if not rows_of(table, c).empty]
    drawing = Drawing(0.72 * TWO_COLUMNS, max(1.6, (0.14 + 0.14 * len(present)) * len(shifts) + 0.9))
    axes = drawing.subplots()
    for offset, condition in zip(offsets(len(present), 0.7), present, strict=True):
        rows, look = rows_of(table, condition), looks[condition]
        heights = np.array([shifts.index(s) for s in rows["shift"]]) + offset
        dots(axes, rows["mean"], heights, rows["low"], rows["high"], look, _texts(rows, look))
        below = heights + 0.06
        axes.hlines(below, rows["published_low"], rows["published_high"], color=look.color, linewidth=0.7)
        axes.scatter(
            rows["published"],
            below,
            s=16,
            marker="D",
            facecolors="none",
            edgecolors=look.color,
            linewidths=0.9,
        )
    _rows_axis(axes, shifts)
    row_bands(axes, len(shifts))
    percent_axis(axes, "x")
    axes.set_xlabel("success rate")
    legend_below(drawing)
    return drawing


def draw_online_offline(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw success of agents trained online and offline, a panel a shift.

    ``table`` has shift, agent, model, mean, low, high and n_seeds.
    """
    shifts = list(dict.fromkeys(table["shift"].astype(str)))
    present = [c for c in looks if not rows_of(table, c).empty]
    height = 0.2 * len(present) + 0.5
    drawing, grid = panels(len(shifts), 3, width=TWO_COLUMNS, height=height, sharex=True, sharey=True)
    for axes, shift in zip(grid, shifts, strict=True):
        for height, condition in enumerate(present):
            cell = rows_of(table[table["shift"] == shift], condition)
            look = looks[condition]
            dots(
                axes, cell["mean"], [height] * len(cell), cell["low"], cell["high"], look, _texts(cell, look)
            )
        axes.set_title(shift_label(shift))
        percent_axis(axes, "x")
    grid[0].set_yticks(range(len(present)), [looks[c].label for c in present])
    grid[0].set_ylim(len(present) - 0.5, -0.5)
    label_outside(grid, 3, "success rate")
    return drawing


def _rows_axis(axes: Axes, shifts: Sequence[str]) -> None:
    axes.set_yticks(range(len(shifts)), [shift_label(s) for s in shifts])
    axes.set_ylim(len(shifts) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _texts(rows: pd.DataFrame, look: Look) -> list[str]:
    texts = []
    for row in records(rows):
        success = interval_text(row["mean"], row["low"], row["high"])
        text = f"{look.label}, {shift_label(row['shift'])}: {success}"
        if np.isfinite(row.get("change", np.nan)):
            text += f"; change {100 * row['change']:+.0f} points"
        texts.append(text)
    return texts
