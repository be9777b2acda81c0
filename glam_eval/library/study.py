"""A study as one object of scripts and notebooks: tables, comparisons, figures, findings, and a picture."""

import base64
import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from glam_eval.core.errors import UserError
from glam_eval.figures import FIGURES, Absent, FigureDefinition, Rendering, figure_named, render
from glam_eval.figures import Study as Tables
from glam_eval.figures.style import Drawing
from glam_eval.report import build_beside, build_report
from glam_eval.report.build import facts_of, heading_of
from glam_eval.report.citation import Citation, cite, command_of
from glam_eval.report.contrasts import contrasts
from glam_eval.report.findings import findings
from glam_eval.results import load_results, table_names

_SHOWN_FINDINGS = 8  # of a notebook's cell; the report has all
_DOTS = 144  # an inch, in a picture of a notebook


class Study:
    """What a results directory holds; everything is read when it is first asked for, and kept.

    In a notebook, a study as the last line of a cell shows its question, its findings and its first figure.

    Args:
        directory: A results directory, for instance results/quick, of a study finished or under way.

    Raises:
        UserError: It holds no results.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        if not table_names(self.directory):
            load_results(self.directory)  # says what is wrong

    def __repr__(self) -> str:
        """Return how the study is made."""
        return f"Study({str(self.directory)!r})"

    @property
    def tables(self) -> list[str]:
        """Names of the tables that are there."""
        return sorted(table_names(self.directory))

    def table(self, name: str) -> pd.DataFrame:
        """Return a table as ``load_results`` reads it, as it is on disk now."""
        return load_results(self.directory, name)

    @property
    def runs(self) -> pd.DataFrame:
        """The table ``runs``: a row an agent and seed."""
        return self.table("runs")

    @property
    def training(self) -> pd.DataFrame:
        """The table ``training``: a row an update."""
        return self.table("training")

    @property
    def episodes(self) -> pd.DataFrame:
        """The table ``episodes``: a row an evaluation episode."""
        return self.table("episodes")

    @cached_property
    def loaded(self) -> Tables:
        """All tables as figures see them: failed runs left out, variants of an agent told apart."""
        return Tables.load(self.directory)

    def compare(
        self, protocol: str | None = None, baseline: str | None = None, against: str | None = None
    ) -> pd.DataFrame:
        """Return estimates, paired differences and verdicts, as ``glam_eval.compare`` does."""
        return contrasts(self.directory, protocol, baseline, against).table

    @cached_property
    def figures(self) -> dict[str, str]:
        """Figures that this study has data for: name -> title, in reading order."""
        return {each.name: each.title for each in self._drawable()}

    def figure(self, name: str) -> Rendering:
        """Return a figure with the table that it draws and its caption.

        Args:
            name: A figure, or a Python file that defines one.

        Raises:
            UserError: There is no such figure, or no data for it.
        """
        definition = figure_named(name)
        try:
            return render(self.loaded, definition)
        except Absent as reason:
            raise UserError(f"no figure {definition.name!r} of {self.directory}: {reason}") from None

    def draw(self, name: str) -> Drawing:
        """Return a figure as a matplotlib figure; arguments and errors are those of ``figure``."""
        return self.figure(name).drawing

    @cached_property
    def findings(self) -> list[str]:
        """What the study found, in sentences of plain text, the most important first."""
        return [finding.text.striptags() for finding in findings(self.loaded)]

    def report(self, beside: str | Path | None = None) -> Path:
        """Write ``report.html`` into the directory and return its path.

        ``beside`` is another results directory: the page then holds both, and lies beside this directory.
        """
        return build_report(self.directory) if beside is None else build_beside(self.directory, Path(beside))

    @property
    def citation(self) -> Citation:
        """How this study is cited: command, version, hashes of its settings and of its results."""
        return cite(self.loaded, heading_of(self.directory)[0], command_of(self.directory))

    def _drawable(self) -> Iterator[FigureDefinition]:
        for definition in FIGURES:
            try:
                self.loaded.derive(definition.table)
            except Absent:
                continue
            yield definition

    def _repr_html_(self) -> str:
        """Return what a notebook shows: texts of the results are escaped, pictures are in the page."""
        title, question = heading_of(self.directory)
        facts = " · ".join(f"{value} {name}" for name, value in facts_of(self.loaded))
        items = Markup().join(Markup("<li>{}</li>").format(text) for text in self.findings[:_SHOWN_FINDINGS])
        rest = len(self.findings) - _SHOWN_FINDINGS
        more = f"and {rest} more: study.findings, or study.report() for all of it" if rest > 0 else ""
        page = Markup("<h3>{}</h3><p>{}</p><p><small>{} · tables {}</small></p><ul>{}</ul><p>{}</p>{}")
        return page.format(
            title or str(self.directory),
            question,
            facts,
            ", ".join(self.tables),
            items,
            more,
            self._first_picture(),
        )

    def _first_picture(self) -> Markup:
        first = next(self._drawable(), None)
        if first is None:
            return Markup("")
        drawn, stream = self.figure(first.name), io.BytesIO()
        drawn.drawing.savefig(stream, format="png", dpi=_DOTS)
        data = base64.b64encode(stream.getvalue()).decode()
        return Markup(
            '<figure><img alt="{0}" src="data:image/png;base64,{1}"><figcaption>{0}</figcaption></figure>'
        ).format(drawn.caption, data)
