"""Figures as files: images without dates, the table that each draws, and its caption."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from glam_eval.core.errors import UserError, unknown
from glam_eval.core.files import refuse_links
from glam_eval.figures.figure import FigureDefinition
from glam_eval.figures.registry import FIGURES, figure_named
from glam_eval.figures.study import Absent, Study
from glam_eval.figures.style import Drawing, style

# Without these keys matplotlib writes the time of day, and files of equal figures would differ.
UNDATED = {"png": {"Software": None}, "pdf": {"CreationDate": None, "ModDate": None}, "svg": {"Date": None}}


@dataclass
class Drawn:
    """What became of each figure: the files written, and why the others were skipped."""

    written: list[Path] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rendering:
    """A figure of a study with what belongs to it."""

    definition: FigureDefinition
    table: pd.DataFrame
    drawing: Drawing
    missing: str

    @property
    def caption(self) -> str:
        """What the figure shows, its sample size, intervals and test, and what it lacks."""
        return " ".join(filter(None, (self.definition.caption(self.table), self.missing)))


def render(study: Study, definition: FigureDefinition) -> Rendering:
    """Compute and draw one figure.

    Raises:
        Absent: With the reason, if the study has no data for it.
    """
    table = study.derive(definition.table).reset_index(drop=True)
    with style():
        drawing = definition.draw(table, study.looks)
        drawing.settle()
    return Rendering(definition, table, drawing, study.missing(table))


def rendered(study: Study, definition: FigureDefinition) -> Rendering:
    """Return a figure as ``render`` does, drawn once for all files of a study; to be left as it is.

    Raises:
        Absent: With the reason, if the study has no data for it.
    """
    if definition not in study.rendered:
        study.rendered[definition] = render(study, definition)
    drawn: Rendering = study.rendered[definition]
    return drawn


def draw(results: str | Path | Study, name: str) -> Drawing:
    """Return one figure of a study as a matplotlib figure, which ``savefig`` writes and notebooks show.

    Args:
        results: Directory of results, or a study that is loaded.
        name: A figure (``FIGURES`` has all), or a Python file that defines one.

    Raises:
        UserError: There are no results, no such figure, or no data for it in this study.
    """
    definition = figure_named(name)
    study = results if isinstance(results, Study) else Study.load(Path(results))
    try:
        return render(study, definition).drawing
    except Absent as reason:
        raise UserError(f"no figure {definition.name!r} of these results: {reason}") from None


def save(drawing: Drawing, path: Path) -> Path:
    """Write a drawing in the format of the path's suffix; equal drawings give equal bytes.

    Raises:
        UserError: If the suffix is not of one of the formats of ``UNDATED``.
    """
    kind = path.suffix[1:]
    if kind not in UNDATED:
        raise unknown("figure format", kind, UNDATED)
    with style(), mpl.rc_context({"svg.hashsalt": path.stem}):
        drawing.savefig(path, metadata=UNDATED[kind])
    return path


def draw_all(
    results_dir: Path,
    out: Path | None = None,
    formats: Sequence[str] = ("png", "pdf", "svg"),
    names: Iterable[str] | None = None,
    report: Callable[[str], None] | None = None,
    study: Study | None = None,
) -> Drawn:
    """Draw every figure of a results directory (or those named) and return what was written and skipped.

    For each figure ``out`` receives one image per format, ``<name>.csv`` with the numbers drawn and
    ``<name>.txt`` with the caption.

    Args:
        results_dir: Directory of results.
        out: Directory to write to; by default ``<results_dir>/figures``.
        formats: Of "png", "pdf" and "svg".
        names: Figures by name, or Python files that define them; by default all that there are.
        report: Hears each figure's name as it begins.
        study: What the directory holds, if it is loaded; it keeps the figures for further files.

    Raises:
        UserError: For a directory without results, an unknown format or name, or a place not to be written.
    """
    for kind in formats:
        if kind not in UNDATED:
            raise unknown("figure format", kind, UNDATED)
    wanted = [figure_named(name) for name in names] if names is not None else list(FIGURES)
    study = study or Study.load(Path(results_dir))
    folder = output_directory(Path(results_dir), out)
    drawn = Drawn()
    for definition in wanted:
        if report:
            report(definition.name)
        try:
            rendering = rendered(study, definition)
        except Absent as reason:
            drawn.skipped[definition.name] = str(reason)
        else:
            drawn.written += _write(rendering, folder, formats)
    return drawn


def output_directory(results_dir: Path, out: Path | None) -> Path:
    """Return ``out``, by default ``<results_dir>/figures``, made where it is missing.

    Raises:
        UserError: If it can't be made, or lies among symbolic links.
    """
    folder = results_dir / "figures" if out is None else out
    if out is None:
        refuse_links(results_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write figures to {folder}: {error.strerror}") from None
    return folder


def _write(rendering: Rendering, folder: Path, formats: Sequence[str]) -> list[Path]:
    name = rendering.definition.name
    written = [save(rendering.drawing, folder / f"{name}.{kind}") for kind in formats]
    rendering.table.to_csv(folder / f"{name}.csv", index=False)
    (folder / f"{name}.txt").write_text(rendering.caption + "\n", encoding="utf-8")
    return [*written, folder / f"{name}.csv", folder / f"{name}.txt"]
