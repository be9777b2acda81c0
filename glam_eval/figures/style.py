"""One style for every figure: sizes, type, grid, and the marks that figures are made of.

Figures use the object interface and the Agg canvas alone: no pyplot, no global state but the style's own
``rc_context``. Widths are those of a two-column paper (one column 3.35 in, both 6.9 in).
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from glam_eval.figures.identity import INK, Look
from glam_eval.figures.labels import fit_titles, shorten_labels

ONE_COLUMN = 3.35
TWO_COLUMNS = 6.9
LEGEND_ROWS = 2  # that heights of figures allow for
LEGEND_ROW = 0.14  # inches of each more
SURFACE = "#fffffe"  # white for print; the report replaces these three by the colours of its theme
GRID = "#dcdad5"
QUIET = "#b9b6b0"
# Areas that grey print must tell apart.
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oo", "//", "..")

# Any, because matplotlib types its keys as literals, whose list grows with its versions.
RC: Any = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper"),
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "text.parse_math": False,  # names that hold a $ are names
    "axes.titlesize": 7.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 6.5,
    "legend.handlelength": 2.4,
    "hatch.linewidth": 0.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "white",
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


class Drawing(Figure):
    """A matplotlib figure that knows the words behind its marks.

    ``hover`` maps the SVG id of a group of marks to one text per mark, in the order they are drawn.
    """

    def __init__(self, width: float, height: float):
        """Make an empty figure of so many inches."""
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)
        self.hover: dict[str, list[str]] = {}

    def explain(self, artist: Any, texts: Sequence[str]) -> None:
        """Attach one text to each mark of an artist."""
        gid = f"marks-{len(self.hover)}"
        artist.set_gid(gid)
        self.hover[gid] = list(texts)

    def settle(self) -> None:
        """Lay the figure out for good: otherwise every file written lays it out anew, at twice the time."""
        shorten_labels(self)
        engine = self.get_layout_engine()
        if engine is not None:
            engine.execute(self)
            if fit_titles(self):
                engine.execute(self)
            self.set_layout_engine(None)  # not "none", with which matplotlib draws twice for each file


@contextmanager
def style() -> Iterator[None]:
    """Apply the style while figures are made or saved; names in scripts that the font lacks become boxes."""
    with mpl.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield


def drawing_of(axes: Axes) -> Drawing:
    """Return the drawing that axes belong to."""
    figure = axes.get_figure(root=True)
    if not isinstance(figure, Drawing):
        raise TypeError("these axes are of no Drawing: make them by panels")
    return figure


def panels(
    count: int, columns: int, *, width: float, height: float, extra: float = 0.3, **options: Any
) -> tuple[Drawing, list[Axes]]:
    """Return a drawing with ``count`` panels in a grid of at most ``columns``, and the panels in order.

    ``height`` is a row's, ``extra`` what titles and a legend need once, both in inches; ``options`` are those
    of ``Figure.subplots``.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    drawing = Drawing(width, rows * height + extra)
    grid = drawing.subplots(rows, columns, squeeze=False, **options)
    for unused in grid.flat[count:]:
        unused.set_visible(False)
    for column in range(columns):  # the lowest visible panel of each column carries the tick labels
        lowest = grid[(count - 1 - column) // columns, column]
        lowest.tick_params(axis="x", labelbottom=True)
    return drawing, list(grid.flat[:count])


def label_outside(axes: Sequence[Axes], columns: int, x: str = "", y: str = "") -> None:
    """Label only the lowest panel of each column and the first of each row."""
    columns = min(columns, len(axes))
    for index, panel in enumerate(axes):
        panel.set_xlabel(x if index + columns >= len(axes) else "")
        panel.set_ylabel(y if index % columns == 0 else "")


def percent_axis(axes: Axes, which: str = "y", limits: tuple[float, float] | None = (0.0, 1.0)) -> None:
    """Make an axis of fractions read in percent, with a little air around 0 and 100."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if limits is not None:
        low, high = limits
        margin = 0.03 * (high - low)
        (axes.set_ylim if which == "y" else axes.set_xlim)(low - margin, high + margin)


def frames_axis(axes: Axes) -> None:
    """Label the horizontal axis with environment steps in thousands or millions."""
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: thousands(value)))
    axes.set_xlabel("environment steps")


def thousands(value: float) -> str:
    """Return a count as people say it: 51200 is 51k."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def interval_text(estimate: float, low: float, high: float, percent: bool = True) -> str:
    """Return an estimate with its interval in words, for instance "81% [74, 88]"."""
    if not np.isfinite(estimate):
        return "no value"
    scale, unit, digits = (100, "%", 0) if percent else (1, "", 2)
    text = f"{scale * estimate:.{digits}f}{unit}"
    if not (np.isfinite(low) and np.isfinite(high)):
        return text
    return f"{text} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"


def row_text(look: Look, where: str, row: Mapping[str, Any]) -> str:
    """Return what hovering over a mark tells: whose it is, where it stands, its interval and seeds."""
    success = interval_text(row["mean"], row["low"], row["high"])
    return f"{look.label}, {where}: {success}, {row['n_seeds']} seeds"


def curve(
    axes: Axes,
    x: ArrayLike,
    mean: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    look: Look,
    texts: Sequence[str],
) -> None:
    """Draw a line with markers and, where the interval exists, its ribbon."""
    positions, values = _floats(x), _floats(mean)
    axes.fill_between(positions, _floats(low), _floats(high), color=look.color, alpha=0.18, linewidth=0)
    (line,) = axes.plot(
        positions,
        values,
        color=look.color,
        linestyle=look.dash,
        marker=look.marker,
        markersize=3.2,
        markerfacecolor=look.color if look.filled else SURFACE,
        markeredgecolor=look.color,
        markeredgewidth=0.8,
        label=look.label,
    )
    drawing_of(axes).explain(line, [t for t, v in zip(texts, values, strict=True) if np.isfinite(v)])


def dots(
    axes: Axes,
    x: ArrayLike,
    y: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    look: Look,
    texts: Sequence[str],
    *,
    vertical: bool = False,
    filled: Sequence[bool] | None = None,
) -> None:
    """Draw estimates as dots with their intervals: horizontal, or ``vertical`` ones.

    ``filled`` tells each dot's fill and defaults to the look's. A missing interval draws the dot alone.
    """
    xs, ys, lows, highs = _floats(x), _floats(y), _floats(low), _floats(high)
    segments = axes.vlines if vertical else axes.hlines
    segments(xs if vertical else ys, lows, highs, color=look.color, linewidth=1.2)
    faces = [look.filled] * len(xs) if filled is None else list(filled)
    strokes = look.marker not in Line2D.filled_markers  # a cross has no inside: its strokes are bold or thin
    inside: dict[str, Any] = {
        "facecolors": [look.color if strokes or face else SURFACE for face in faces],
        "edgecolors": None if strokes else look.color,
        "linewidths": [1.8 if strokes and face else 0.9 for face in faces],
    }
    drawn = axes.scatter(xs, ys, s=20, marker=look.marker, label=look.label, zorder=3, **inside)
    shown = np.isfinite(xs) & np.isfinite(ys)
    drawing_of(axes).explain(drawn, [t for t, s in zip(texts, shown, strict=True) if s])


def row_bands(axes: Axes, count: int) -> None:
    """Shade every other row of a categorical vertical axis, so that the eye keeps its row."""
    for row in range(0, count, 2):
        axes.axhspan(row - 0.5, row + 0.5, color=GRID, alpha=0.35, linewidth=0, zorder=0)


def offsets(count: int, spread: float = 0.7) -> NDArray[np.float64]:
    """Return where ``count`` marks stand around a category so that none covers another."""
    return np.linspace(-spread / 2, spread / 2, count) if count > 1 else np.zeros(1)


def legend_below(figure: Figure, only: Sequence[str] = ()) -> None:
    """Put one legend of all panels' labels, or of ``only`` some, under the figure, in as many columns as fit.

    The figure grows by what a legend of more than two rows needs, so that panels keep their height.
    """
    unique: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            unique.setdefault(label, handle)
    shown = {label: unique[label] for label in only or unique if label in unique}
    if len(shown) > (0 if only else 1):
        columns = legend_columns(figure.get_figwidth(), list(shown))
        figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=columns)
        more = -(-len(shown) // columns) - LEGEND_ROWS
        figure.set_figheight(figure.get_figheight() + LEGEND_ROW * max(0, more))


def legend_columns(width: float, labels: Sequence[str]) -> int:
    """Return how many legend entries stand side by side in ``width`` inches."""
    entry = 0.38 + 0.048 * max(map(len, labels))  # handle and gaps, and a letter of the legend's size
    return max(1, min(len(labels), int(width / entry)))


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)
