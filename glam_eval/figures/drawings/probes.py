"""Policy evolution: what an agent would do on fixed probe prompts, update after update."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.patches import Patch

from glam_eval.figures.drawings.curves import draw_condition
from glam_eval.figures.identity import HUES, INK, Condition, Look, conditions_of, rows_of
from glam_eval.figures.style import (
    HATCHES,
    SURFACE,
    TWO_COLUMNS,
    Drawing,
    frames_axis,
    label_outside,
    legend_below,
    legend_columns,
    panels,
    percent_axis,
)

PANELS_PER_ROW = 4


def draw_policy_evolution(table: pd.DataFrame, looks: Mapping[Condition, Look]) -> Drawing:
    """Draw one condition's distribution over actions on each probe, stacked, the expected action lowest.

    ``table`` has agent, model, probe, action, expected, frames, mean and n_seeds, of a single condition.
    """
    (condition,) = conditions_of(table)
    probes = list(dict.fromkeys(table["probe"].astype(str)))
    actions = list(dict.fromkeys(table["action"].astype(str)))
    colors = {action: HUES[i % len(HUES)] for i, action in enumerate(actions)}
    hatches = {action: HATCHES[i % len(HATCHES)] for i, action in enumerate(actions)}
    drawing, grid = panels(
        len(probes), PANELS_PER_ROW, width=TWO_COLUMNS, height=1.3, extra=0.75, sharex=True, sharey=True
    )
    for axes, probe in zip(grid, probes, strict=True):
        rows = table[table["probe"] == probe]
        wide = rows.pivot_table(index="frames", columns="action", values="mean", observed=True).fillna(0)
        expected = set(rows.loc[rows["expected"], "action"].astype(str))
        order = sorted(wide.columns, key=lambda a: (a not in expected, actions.index(str(a))))
        stack = axes.stackplot(
            wide.index,
            wide[order].T.to_numpy(),
            colors=[colors[str(a)] for a in order],
            hatch=[hatches[str(a)] for a in order],
            edgecolor=SURFACE,
            linewidth=0,
        )
        for action, area in zip(order, stack, strict=True):
            area.set_alpha(0.95 if action in expected else 0.45)
        axes.plot(wide.index, wide[[a for a in order if a in expected]].sum(axis=1), color=INK, linewidth=1.2)
        axes.set_title(f"{probe.replace('_', ' ')} → {', '.join(sorted(expected))}", fontsize=6.5)
        axes.margins(x=0)
        percent_axis(axes)
        frames_axis(axes)
        axes.locator_params(axis="x", nbins=3)
    label_outside(grid, PANELS_PER_ROW, "environment steps", "probability")
    drawing.suptitle(looks[condition].label, fontsize=7.5, x=0.01, ha="left")
    drawing.legend(
        [Patch(facecolor=colors[a], hatch=hatches[a], edgecolor=SURFACE) for a in actions],
        actions,
        loc="outside lower center",
        ncols=legend_columns(TWO_COLUMNS, actions),
    )
    return drawing


def draw_panels(
    table: pd.DataFrame, looks: Mapping[Condition, Look], *, panel: str, label: str, share: bool
) -> Drawing:
    """Draw a measure along training for every condition, a panel for each value of a column.

    ``table`` has ``panel``, agent, model, frames, mean, low, high, band_low, band_high and n_seeds. With
    ``share`` the measure is a share, drawn in percent on one scale.
    """
    names = list(dict.fromkeys(table[panel].astype(str)))
    drawing, grid = panels(
        len(names), PANELS_PER_ROW, width=TWO_COLUMNS, height=1.35, extra=0.6, sharex=True, sharey=share
    )
    for axes, name in zip(grid, names, strict=True):
        for condition, look in looks.items():
            draw_condition(axes, rows_of(table[table[panel] == name], condition), look)
        axes.set_title(name.replace("_", " "))
        if share:
            percent_axis(axes)
        frames_axis(axes)
        axes.locator_params(axis="x", nbins=3)
    label_outside(grid, PANELS_PER_ROW, "environment steps", label)
    legend_below(drawing)
    return drawing
