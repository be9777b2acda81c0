"""Names that are too long for a figure: their middle is left out, and they are told apart still."""

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import FixedLocator

LONGEST = 60  # characters: of the widest figure's row, less than half


def shorten_labels(figure: Figure) -> None:
    """Shorten what takes its room from the axes: names of rows and columns, and entries of legends.

    Panels' titles are shortened likewise. A name of some hundred letters would leave the axes no room at all.
    """
    short: dict[str, str] = {}
    for axes in figure.axes:
        for place in ("left", "center", "right"):
            if title := axes.get_title(loc=place):
                axes.set_title(_fitting(title, short), loc=place)
        for axis in (axes.xaxis, axes.yaxis):
            _shorten_ticks(axis, short)
    for legend in (each for each in figure.findobj() if isinstance(each, Legend)):
        for text in legend.get_texts():
            text.set_text(_fitting(text.get_text(), short))


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
