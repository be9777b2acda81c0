"""The screen of ``glam-eval watch``: three tables that are filled anew as the study's files change."""

import math
from pathlib import Path

import numpy as np
from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Footer, Static, TabbedContent, TabPane

from glam_eval.core.errors import UserError
from glam_eval.core.text import one_line, printable
from glam_eval.figures.identity import condition_label
from glam_eval.suites.status import FINISHED, STATES, RunStatus
from glam_eval.suites.watching import View, look, points_of

_BLOCKS = "▁▂▃▄▅▆▇█"  # success from 0 to 1


class Dashboard(App[None]):
    """Runs, curves and failures of a study.

    Args:
        out: directory of the study.
        every: seconds between two looks at its files.
    """

    TITLE = "glam-eval"
    BINDINGS = [
        ("1", "show('runs')", "Runs"),
        ("2", "show('curves')", "Curves"),
        ("3", "show('failures')", "Failures"),
        ("r", "look", "Look now"),
        ("q", "quit", "Quit"),
    ]
    CSS = "#said { height: 1; } #log { height: 1fr; } DataTable { height: 1fr; }"

    def __init__(self, out: Path, every: float) -> None:
        super().__init__()
        self._out, self._every = out, every
        self._view: View | None = None
        self._said = Static("reading …", id="said", markup=False)
        self._failure = Static("", id="log-text", markup=False)
        self._tables: dict[str, DataTable[Text]] = {
            tab: DataTable(id=f"table-{tab}", cursor_type="row") for tab in ("runs", "curves", "failures")
        }

    def compose(self) -> ComposeResult:
        """Lay out a line on the whole study above three tabs."""
        yield self._said
        with TabbedContent(id="tabs"):
            with TabPane("Runs", id="runs"):
                yield self._tables["runs"]
            with TabPane("Curves", id="curves"):
                yield self._tables["curves"]
            with TabPane("Failures", id="failures"):
                yield self._tables["failures"]
                with VerticalScroll(id="log"):
                    yield self._failure
        yield Footer()

    def on_mount(self) -> None:
        """Name the columns and begin to look."""
        self._tables["runs"].add_columns("state", "steps", "success", "run", "where", "")
        self._tables["curves"].add_columns("agent", "success", "now", "95% band", "steps", "seeds")
        self._tables["failures"].add_columns("why", "run")
        self.set_interval(self._every, self.action_look)
        self.action_look()

    def action_show(self, tab: str) -> None:
        """Turn to a tab, its table ready for the arrow keys."""
        self.query_one("#tabs", TabbedContent).active = tab
        self._tables[tab].focus()

    @work(thread=True, exclusive=True)
    def action_look(self) -> None:
        """Read the study's files beside the screen, then show them."""
        try:
            view = look(self._out)
        except UserError as error:  # half a file, or a directory that went away: the next look may do
            self.call_from_thread(self._say, one_line(str(error)))
            return
        self.call_from_thread(self._show, view)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show the log of the failed run under the cursor."""
        if event.data_table.id == "table-failures" and self._view:
            run = event.row_key.value if event.row_key else None  # none of a table without rows
            told = self._view.failures.get(run or "", "")
            self._failure.update(printable(told))

    def _show(self, view: View) -> None:
        self._view = view
        counts = ", ".join(f"{count} {state}" for state, count in view.status.counts().items())
        stopping = "; asked to stop" if view.status.stopping else ""
        self._say(f"{self._out}: {len(view.status.runs)} runs: {counts}{stopping}")
        runs = sorted(view.status.runs, key=_place)
        self._fill("runs", {run.run_id: _run_cells(run) for run in runs})
        self._fill("curves", _curve_rows(view))
        reasons = {run: told.partition("\n")[0] for run, told in view.failures.items()}
        if not reasons:
            self._failure.update("No run has failed.")
        self._fill("failures", {run: (why, run) for run, why in reasons.items()})

    def _say(self, text: str) -> None:
        self._said.update(text)

    def _fill(self, tab: str, rows: dict[str, tuple[str, ...]]) -> None:
        """Put rows into a table, the cursor where it was."""
        table = self._tables[tab]
        cursor = table.cursor_row
        table.clear()
        for key, cells in rows.items():
            table.add_row(*(Text(printable(cell)) for cell in cells), key=key)
        table.move_cursor(row=min(cursor, len(rows) - 1))


def _place(run: RunStatus) -> tuple[bool, int, str]:
    """Return what runs are sorted by: those that are finished stand last."""
    return run.state == FINISHED, STATES.index(run.state), run.run_id


def _run_cells(run: RunStatus) -> tuple[str, ...]:
    steps = f"{run.frames:,} of {run.total_frames:,}" if run.total_frames else ""
    return run.state, steps, _share(run.success), run.run_id, run.where, one_line(run.told)


def _curve_rows(view: View) -> dict[str, tuple[str, ...]]:
    """Return a row an agent: its curve in blocks, its last point with the band, the seeds that got so far."""
    rows: dict[str, tuple[str, ...]] = {}
    for agent, model, means, last in points_of(view.curves) if len(view.curves) else []:
        low, high = last["band_low"], last["band_high"]
        rows[f"{agent}/{model}"] = (
            condition_label(agent, model),
            sparkline(means),
            _share(last["mean"]),
            "–" if math.isnan(low) else f"{low:.2f} to {high:.2f}",
            f"{last['frames']:,}",
            str(last["n_seeds"]),
        )
    return rows


def sparkline(shares: np.ndarray) -> str:
    """Return shares between 0 and 1 as blocks, a gap where there is none."""
    return "".join(" " if math.isnan(s) else _BLOCKS[min(7, int(8 * s))] for s in shares)


def _share(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
