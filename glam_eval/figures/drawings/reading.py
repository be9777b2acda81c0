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
        _words(axes, best, 0.75, " best without the goal", rotation=90, ha="right", va="center")
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
    """Shade where an agent walks and where it reads, and mark the bot."""
    axes.axhspan(max(-MARGIN, lowest), MARGIN, color=QUIET, alpha=0.35, linewidth=0, zorder=0)
    axes.axhspan(HALF * ceiling, 1.06, color=READING, alpha=0.08, linewidth=0, zorder=0)
    axes.axhspan(MARGIN, HALF * ceiling, color=GRID, alpha=0.2, linewidth=0, zorder=0)
    axes.axhline(ceiling, color=INK, linewidth=0.8, linestyle=":", zorder=1)
    _words(axes, 0.0, ceiling, f" {EXPERT}", va="bottom")
    for height, text in (
        (min(0.95, 0.5 * (1 + HALF) * ceiling), "reads"),
        (0.5 * (MARGIN + HALF * ceiling), "reads in part"),
        (0.0, "walks"),
    ):
        axes.text(0.0, height, f" {text}", size=8, weight="bold", color=INK, alpha=0.65, va="center")


def _words(axes: Axes, x: float, y: float, text: str, **placed: Any) -> None:
    axes.text(x, y, text, size=6, color=INK, **placed)


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
