"""Agents over the whole study: aggregates, performance profiles, probability of improvement, failures.

Designs follow Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(arXiv 2108.13264).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from glam_eval.figures.drawings.heatmap import heatmap
from glam_eval.figures.identity import INK, Condition, Look, conditions_of, records, rows_of
from glam_eval.figures.labels import LONGEST
from glam_eval.figures.style import (
    HATCHES,
    SURFACE,
    TWO_COLUMNS,
    Drawing,
    dots,
    interval_text,
    legend_below,
    panels,
    percent_axis,
    row_text,
)

LISTED_PAIRS = 10  # more pairs than this read better as a matrix
FAILURES = {
    "success": ("success", "#009e73"),
    "wandering": ("wandered till time-out", "#b9b6b0"),
    "stuck_on_wall": ("stuck on a wall", "#cc79a7"),
    "oscillating": ("oscillating", "#e69f00"),
    "wrong_object": ("wrong object", "#d55e00"),
    "wrong_order": ("wrong order", "#7a68c8"),
}


def draw_aggregates(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw each aggregate of success (a panel) for each condition (a row) with its interval.

    ``table`` has metric, agent, model, mean, low, high and n_seeds.
    """
    metrics = list(dict.fromkeys(table["metric"]))
    present = [c for c in looks if c in conditions_of(table)]
    height = max(1.1, 0.19 * len(present) + 0.45)
    drawing, grid = panels(len(metrics), 4, width=TWO_COLUMNS, height=height, extra=0.15, sharey=True)
    for axes, metric in zip(grid, metrics, strict=True):
        for row, condition in enumerate(present):
            cell, look = rows_of(table[table["metric"] == metric], condition), looks[condition]
            texts = [row_text(look, metric, own) for own in records(cell)]
            dots(axes, cell["mean"], [row] * len(cell), cell["low"], cell["high"], look, texts)
        axes.set_title(metric)
        axes.grid(axis="y", visible=False)
        lowest = table.loc[table["metric"] == metric, ["mean", "low"]].min().min()
        percent_axis(axes, "x", (min(0.0, float(lowest)), 1.0))
        axes.locator_params(axis="x", nbins=3)
    grid[0].set_yticks(range(len(present)), [looks[c].label for c in present])
    grid[0].set_ylim(len(present) - 0.5, -0.5)
    grid[0].tick_params(axis="y", length=0)
    return drawing


def draw_profiles(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw performance profiles: the share of runs and conditions whose success exceeds a threshold.

    ``table`` has agent, model, threshold, mean, low, high and n_seeds.
    """
    drawing, (axes,) = panels(1, 1, width=0.72 * TWO_COLUMNS, height=2.3, extra=0.4)
    for condition, look in looks.items():
        rows = rows_of(table, condition).sort_values("threshold")
        if not rows.empty:
            axes.fill_between(
                rows["threshold"], rows["low"], rows["high"], color=look.color, alpha=0.15, linewidth=0
            )
            every = max(1, len(rows) // 6)
            axes.plot(
                rows["threshold"], rows["mean"], color=look.color, linestyle=look.dash, label=look.label,
                marker=look.marker, markevery=every, markersize=3.4, drawstyle="steps-post",
                markerfacecolor=look.color if look.filled else SURFACE, markeredgecolor=look.color,
            )  # fmt: skip
    axes.set(xlabel="success rate τ", ylabel="share of scores above τ")
    percent_axis(axes)
    percent_axis(axes, "x")
    legend_below(drawing)
    return drawing


def draw_improvement(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw the probability that a run of one condition beats a run of another, listed or as a matrix.

    ``table`` has agent, model (of a), agent_b, model_b, mean, low, high and n_seeds.
    """
    if len(table) > LISTED_PAIRS:
        return _improvement_matrix(table, looks)
    drawing, (axes,) = panels(1, 1, width=0.72 * TWO_COLUMNS, height=0.24 * len(table) + 0.5, extra=0)
    labels = []
    for row, pair in enumerate(records(table)):
        look, other = looks[pair["agent"], pair["model"]], looks[pair["agent_b"], pair["model_b"]]
        labels.append(f"{look.label}  >  {other.label}")
        text = (
            f"P({look.label} beats {other.label}) = {interval_text(pair['mean'], pair['low'], pair['high'])}"
        )
        dots(axes, [pair["mean"]], [row], [pair["low"]], [pair["high"]], look, [text])
    axes.axvline(0.5, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    percent_axis(axes, "x")
    axes.set_xlabel("probability of improvement")
    return drawing


def _improvement_matrix(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw rows against columns; a dot marks a pair whose interval excludes one half."""
    order = [
        c
        for c in looks
        if c in {*conditions_of(table), *zip(table["agent_b"], table["model_b"], strict=True)}
    ]
    values = np.full((len(order), len(order)), np.nan)
    words = np.full((len(order), len(order)), "", dtype=object)
    for pair in records(table):
        row, column = (
            order.index((pair["agent"], pair["model"])),
            order.index((pair["agent_b"], pair["model_b"])),
        )
        values[row, column], values[column, row] = pair["mean"], 1 - pair["mean"]
        sure = "•" if pair["low"] > 0.5 or pair["high"] < 0.5 else ""
        words[row, column] = f"{100 * pair['mean']:.0f}{sure}"
        words[column, row] = f"{100 - 100 * pair['mean']:.0f}{sure}"
    labels = [looks[c].label for c in order]
    named = 0.3 + 0.047 * min(LONGEST, max(map(len, labels)))  # inches of the longest name, level
    cell = min(0.31, (TWO_COLUMNS - named) / len(order))
    side, below = cell * len(order), 0.65 * named  # names below are turned by 40 degrees
    drawing, (axes,) = panels(1, 1, width=side + named, height=side + below + 0.3, extra=0)
    size = min(6.0, 72 * cell / 2.7)  # points: four characters a cell
    heatmap(axes, values, words.tolist(), rows=labels, columns=labels, colors="RdBu", size=size)
    axes.set_title("P(row beats column), %")
    axes.set_aspect("equal")
    axes.tick_params(axis="x", rotation=40)
    for tick in axes.get_xticklabels():
        tick.set(horizontalalignment="right", rotation_mode="anchor")
    return drawing


def draw_failures(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw how episodes end for each condition, as shares of a bar.

    ``table`` has agent, model, category and mean (the share, averaged over seeds).
    """
    present = [c for c in looks if c in conditions_of(table)]
    drawing, (axes,) = panels(1, 1, width=TWO_COLUMNS, height=0.22 * len(present) + 0.35, extra=0.4)
    left = np.zeros(len(present))
    categories = [*FAILURES, *sorted(set(table["category"].astype(str)) - set(FAILURES))]
    for place, category in enumerate(categories):
        label, color = FAILURES.get(category, (category.replace("_", " "), "#8c6d46"))
        shares = table[table["category"] == category].set_index(["agent", "model"])["mean"]
        widths = np.array([float(shares.get(c, 0.0)) for c in present])
        if not widths.any():
            continue
        bars = axes.barh(
            range(len(present)), widths, left=left, height=0.68, label=label,
            color=color, hatch=HATCHES[place % len(HATCHES)], edgecolor=SURFACE, linewidth=0,
        )  # fmt: skip
        for bar, width, condition in zip(bars, widths, present, strict=True):
            drawing.explain(bar, [f"{looks[condition].label}, {label}: {100 * width:.0f}%"])
            if width > 0.06:
                axes.text(
                    bar.get_x() + width / 2,
                    bar.get_y() + 0.36,
                    f"{100 * width:.0f}",
                    size=6,
                    ha="center",
                    va="center",
                    color="white" if color != "#b9b6b0" else INK,
                    bbox={"facecolor": color, "edgecolor": "none", "boxstyle": "square,pad=0.3"},
                )
        left += widths
    axes.set_yticks(range(len(present)), [looks[c].label for c in present])
    axes.set_ylim(len(present) - 0.5, -0.5)
    axes.grid(False)
    axes.tick_params(axis="y", length=0)
    percent_axis(axes, "x")
    axes.set_xlabel("share of episodes")
    legend_below(drawing)
    return drawing
