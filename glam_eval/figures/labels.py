"""Names that are too long for a figure: broken into lines, or their middle left out, and told apart still."""

import re
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.textpath import TextPath
from matplotlib.ticker import FixedLocator

LONGEST = 60  # characters: of the widest figure's row, less than half
_GAP = 0.06  # inches between one panel's title and the next
_LINE = 0.125  # inches of one more line of a title
_LINES = 3  # of a title at most


def shorten_labels(figure: Figure) -> None:
    """Shorten what takes its room from the axes: names of rows and columns, and entries of legends.

    Panels' titles are shortened likewise. A name of some hundred letters would leave the axes no room at all.
    """
    short: dict[str, str] = {}
    for axes in figure.axes:
        for title in _titles(axes):
            title.set_text(_fitting(title.get_text(), short))
        for axis in (axes.xaxis, axes.yaxis):
            _shorten_ticks(axis, short)
    for legend in (each for each in figure.findobj() if isinstance(each, Legend)):
        for text in legend.get_texts():
            text.set_text(_fitting(text.get_text(), short))


def _titles(axes: Axes) -> list[Text]:
    """Return the titles of a panel, for ``set_title`` would undo their size."""
    told = {axes.get_title(loc=place) for place in ("left", "center", "right")} - {""}
    return [each for each in axes.get_children() if isinstance(each, Text) and each.get_text() in told]


def _shorten_ticks(axis: Axis, short: dict[str, str]) -> None:
    if not isinstance(axis.get_major_locator(), FixedLocator):  # numbers, which are short
        return
    labels = [tick.get_text() for tick in axis.get_ticklabels()]
    fitting = [_fitting(label, short) for label in labels]
    if fitting != labels:
        axis.set_ticklabels(fitting)


def _fitting(name: str, short: dict[str, str]) -> str:
    """Return a name as a figure has room for it; ``short`` holds those shortened so far."""
    if len(name) <= LONGEST:
        return name
    if name not in short:
        half = LONGEST // 2 - 3
        cut = f"{name[:half]}…{name[-half:]}"
        again = sum(other.startswith(cut) for other in short.values())
        short[name] = f"{cut} ({again + 1})" if again else cut
    return short[name]


def fit_titles(figure: Figure) -> bool:
    """Break titles that would run into the next panel's, and return whether there were such.

    Panels stand where the layout put them; the figure grows by the lines added, and is to be laid out anew.
    """
    lines: dict[float, int] = {}
    for axes in (each for each in figure.axes if each.get_visible()):
        for title in (each for each in _titles(axes) if each.get_horizontalalignment() == "left"):
            width, room = _measure(title), _room(figure, axes)
            broken = [_broken(line, room, width) for line in title.get_text().splitlines()]
            more = sum(map(len, broken)) - len(broken)
            title.set_text("\n".join(part for parts in broken for part in parts))
            row = round(axes.get_position().y1, 2)
            lines[row] = max(more, lines.get(row, 0))
    figure.set_figheight(figure.get_figheight() + _LINE * sum(lines.values()))
    return any(lines.values())


def _room(figure: Figure, axes: Axes) -> float:
    """Return the inches from a panel's left end to the next panel's, or to the figure's right end."""
    own = axes.get_position()
    beside = [each.get_position() for each in figure.axes if each.get_visible()]
    right = [each.x0 for each in beside if each.x0 > own.x0 + 0.01 and each.y0 < own.y1 and own.y0 < each.y1]
    return float(figure.get_figwidth() * (min(right, default=1.0) - own.x0)) - _GAP


def _measure(title: Text) -> Callable[[str], float]:
    """Return what gives the inches of a text in a title's letters."""
    font = title.get_fontproperties()

    def width(text: str) -> float:
        ends = TextPath((0, 0), text, prop=font).get_extents() if text.strip() else None
        return 0.0 if ends is None else float(ends.x1) / 72

    return width


def _broken(line: str, room: float, width: Callable[[str], float]) -> list[str]:
    """Return a line as lines for which there is room: broken at spaces or hyphens, or its middle left out."""
    if width(line) <= room:
        return [line]
    for kept in range(len(line), 0, -1):
        text = line if kept == len(line) else f"{line[: -(-kept // 2)]}…{line[len(line) - kept // 2 :]}"
        for breaks in (r"(?<= )", r"(?<=[ \-…])"):
            lines = _filled(re.split(breaks, text), room, width)
            if len(lines) <= _LINES and max(map(width, lines)) <= room:
                return lines
    return [line]


def _filled(parts: list[str], room: float, width: Callable[[str], float]) -> list[str]:
    """Return parts of a text as lines, as many parts on each as there is room for."""
    lines = [""]
    for part in parts:
        if lines[-1] and width(f"{lines[-1]}{part}".rstrip()) > room:
            lines.append("")
        lines[-1] += part
    return [each.rstrip() for each in lines]
