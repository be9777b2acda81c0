"""Success against what the goal changes: who reads stands above, who walks stays at the ground."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from glam_eval.config.agents import normalising_agents
from glam_eval.figures.identity import INK, Condition, Look, conditions_of, records, rows_of
from glam_eval.figures.style import (
    GRID,
    QUIET,
    TWO_COLUMNS,
    Drawing,
    dots,
    interval_text,
    legend_below,
    panels,
    percent_axis,
)
from glam_eval.statistics.comparison.protocol import MARGIN
from glam_eval.statistics.reading import HALF

READING = "#009e73"
_, EXPERT = normalising_agents()


def draw_goal_following(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw each agent at its success and at what the goal changes for it, with both intervals.

    ``table`` has agent, model, verdict, success, following and score with their intervals, told, meant,
    bot_following, chance and n_seeds.
    """
    drawing, (axes,) = panels(1, 1, width=0.78 * TWO_COLUMNS, height=2.9, extra=0.5)
    ceiling = float(table["bot_following"].iloc[0])
    lowest = min(-0.12, float(np.nanmin(table[["following", "following_low"]].to_numpy())) - 0.03)
    _regions(axes, ceiling, lowest)
    best = table["chance"].max()
    if np.isfinite(best):
        axes.axvline(best, color=INK, linewidth=0.8, linestyle=":", zorder=1)
        side, beside = ("left", 2) if best < 0.1 else ("right", -2)
        axes.annotate(
            "best without the goal", (best, 0.7), (beside, 0), textcoords="offset points",
            size=6, color=INK, rotation=90, ha=side, va="center",
        )  # fmt: skip
    for condition in (look for look in looks if look in conditions_of(table)):
        rows, look = rows_of(table, condition), looks[condition]
        axes.vlines(
            rows["success"], rows["following_low"], rows["following_high"], color=look.color, linewidth=1.2
        )
        dots(
            axes, rows["success"], rows["following"], rows["success_low"], rows["success_high"],
            look, [_text(look, row) for row in records(rows)],
        )  # fmt: skip
    percent_axis(axes, "x")
    percent_axis(axes, "y", None)
    axes.set_ylim(lowest, 1.06)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:+.0f}" if value else "0")
    axes.set(xlabel="success with the scene's own goal", ylabel="what the goal changes (points)")
    legend_below(drawing)
    return drawing


def _regions(axes: Axes, ceiling: float, lowest: float) -> None:
    """Shade where an agent walks and where it reads, mark the bot, and name all beside the panel."""
    axes.axhspan(max(-MARGIN, lowest), MARGIN, color=QUIET, alpha=0.35, linewidth=0, zorder=0)
    axes.axhspan(HALF * ceiling, 1.06, color=READING, alpha=0.08, linewidth=0, zorder=0)
    axes.axhspan(MARGIN, HALF * ceiling, color=GRID, alpha=0.2, linewidth=0, zorder=0)
    axes.axhline(ceiling, color=INK, linewidth=0.8, linestyle=":", zorder=1)
    for height, text, weight in (
        (ceiling, EXPERT, "normal"),
        (0.5 * (1 + HALF) * ceiling, "reads", "bold"),
        (0.5 * (MARGIN + HALF * ceiling), "reads in part", "bold"),
        (0.0, "walks", "bold"),
    ):
        axes.text(
            1.01, height, text, size=7, weight=weight, color=INK, alpha=0.75, va="center",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip


def _text(look: Look, row: dict[str, Any]) -> str:
    """Return what hovering over an agent tells."""
    success, follows = (
        interval_text(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("success", "following")
    )
    verdict = f"{row['verdict']}; " if row["verdict"] else ""
    told, meant = 100 * row["told"], 100 * row["meant"]
    return (
        f"{look.label}: {verdict}success {success}; the goal changes {follows}; another goal told, "
        f"it does that in {told:.0f}%, what was meant in {meant:.0f}%; {row['n_seeds']} seeds"
    )
