"""A matrix of shares as coloured cells with their numbers.

Not seaborn's heatmap: that draws the whole figure anew for each panel, and brings pyplot's global state.
"""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from glam_eval.figures.style import SURFACE, drawing_of

DARK = 0.45  # relative luminance below which a cell's number is white


def heatmap(
    axes: Axes,
    values: ArrayLike,
    words: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    colors: str,
    size: float = 6.0,
) -> None:
    """Draw values in [0, 1] of shape (rows, columns), NaN left blank, with ``words`` in the cells.

    ``size`` is the words', in points.
    """
    matrix = np.ma.masked_invalid(np.asarray(values, dtype=np.float64))
    color_map = mpl.colormaps[colors]
    mesh = axes.pcolormesh(matrix, cmap=color_map, vmin=0, vmax=1, edgecolors=SURFACE, linewidth=0.8)
    texts = [
        f"{a}, {b}: {w}"
        for a, own in zip(rows, words, strict=True)
        for b, w in zip(columns, own, strict=True)
    ]
    drawing_of(axes).explain(mesh, texts)
    for row, column in np.argwhere(~np.ma.getmaskarray(matrix)):
        red, green, blue, _ = color_map(float(matrix[row, column]))
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue  # ITU-R BT.709
        color = "white" if light < DARK else "black"
        axes.text(
            column + 0.5, row + 0.5, words[row][column], size=size, ha="center", va="center", color=color
        )
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set_ylim(len(rows), 0)  # not inverted: panels that share the axis would turn it back
    axes.tick_params(length=0)
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
