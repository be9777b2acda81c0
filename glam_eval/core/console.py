"""The one way to the terminal: texts are shown as they are written, never read as Rich's markup."""

import io
import json
import sys
from typing import Any

import rich.console
import rich.table
from rich.status import Status
from rich.text import Text

from glam_eval.core.text import READABLE, printable


class Console(rich.console.Console):
    """A console to which texts are no markup, no emoji codes and no control sequences.

    What has a style is said by ``styled``, or by the ``style`` of what is printed.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, **options, "markup": False, "emoji": False})

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text as it is printed, also in cells, headers and titles of tables."""
        return super().render_str(printable(text), **options)

    def status(self, status: rich.console.RenderableType, **options: Any) -> Status:
        """Return a spinner with a text."""
        return super().status(styled(status) if isinstance(status, str) else status, **options)


class Table(rich.table.Table):
    """A table whose cells go on in the next line where they are too wide: no name is cut."""

    def add_column(self, header: rich.console.RenderableType = "", **options: Any) -> None:  # type: ignore[override]
        """Add a column under a heading; its options are Rich's."""
        super().add_column(header, **{"overflow": "fold", **options})


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return a text of parts, each alone or with Rich's name of its style."""
    shown = (printable(part) if isinstance(part, str) else (printable(part[0]), part[1]) for part in parts)
    return Text.assemble(*shown)


def print_json(value: Any) -> None:
    """Print a value for machines, in characters that any encoding has."""
    print(json.dumps(value, indent=1))


def make_streams_readable() -> None:
    """Have standard output and error show what their encoding lacks by something that it has."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=READABLE)
