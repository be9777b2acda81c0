"""The report: one HTML page that holds a study, its figures, tables and replays, and needs nothing else."""

import json
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from glam_eval.core.errors import UserError
from glam_eval.core.files import write_text_atomically
from glam_eval.core.text import printable
from glam_eval.figures import FIGURES, Absent, Rendering, Study, rendered
from glam_eval.figures.style import thousands
from glam_eval.figures.tables.reading import who_reads
from glam_eval.report.boundaries import trust_table, unseen_table, variance_table
from glam_eval.report.citation import cite, command_of
from glam_eval.report.findings import by_arm, findings_by_question
from glam_eval.report.methods import limits, methods, settings
from glam_eval.report.reading import headline, reading_table
from glam_eval.report.replays import collect_replays
from glam_eval.report.requests import requests_table
from glam_eval.report.tables import Table, overview_table, shift_table, task_table
from glam_eval.report.template import filled, script
from glam_eval.report.vector import inline_svg


@dataclass(frozen=True)
class InlineFigure:
    """A figure as the page shows it."""

    name: str
    title: str
    svg: Markup
    caption: str
    numbers: Markup


def build_report(results_dir: Path, study: Study | None = None) -> Path:
    """Write ``<results_dir>/report.html`` and return its path; ``study`` is what it holds, if that is loaded.

    Raises a UserError for a directory without results or one that cannot be written.
    """
    results_dir = Path(results_dir)
    study = study or Study.load(results_dir)
    page = render_page(study, *heading_of(results_dir), command_of(results_dir))
    return write_page(results_dir / "report.html", page)


def write_page(path: Path, page: str) -> Path:
    """Write a page, whole or not at all, and return its path; a UserError says why it can't be written."""
    try:
        write_text_atomically(path, page)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    return path


def render_page(study: Study, title: str = "", question: str = "", command: str = "") -> str:
    """Return the page of a study as HTML; without a title it is headed by the suite's name.

    ``command`` is what makes the study, if that is known.
    """
    figures, skipped = inline_figures(study)
    episodes = study.table("episodes")
    return filled(
        "report.html.j2",
        eyebrow=f"{suite_of(study) or 'a study'} · grounding of language models in interaction",
        title=title or f"Results of {suite_of(study) or 'a study'}",
        question=question,
        facts=facts_of(study),
        headline=_reading(study),
        findings=findings_by_question(study),
        reading=reading_table(study),
        overview=overview_table(study),
        figures=figures,
        tables=[table for table in _tables(study) if table],
        replays=collect_replays(study),
        methods=methods(study),
        settings=settings(study),
        limits=limits(study, skipped),
        citation=cite(study, title, command),
        rows=f"{len(episodes):,}",
        replays_js=script("replays.js"),
    )


def inline_figures(study: Study, space: str = "") -> tuple[list[InlineFigure], dict[str, str]]:
    """Return the figures that a study has data for, and by name why it lacks the others.

    Figures of two studies on one page need a ``space`` of names each.
    """
    figures: list[InlineFigure] = []
    skipped: dict[str, str] = {}
    for definition in FIGURES:
        try:
            figures.append(_inline(rendered(study, definition), space))
        except Absent as reason:
            skipped[definition.name] = str(reason)
    return figures, skipped


def _inline(rendering: Rendering, space: str) -> InlineFigure:
    numbers = rendering.table.to_html(index=False, border=0, float_format=lambda v: f"{v:.4g}", na_rep="–")
    definition = rendering.definition
    return InlineFigure(
        definition.name, definition.title, inline_svg(rendering, space), rendering.caption, Markup(numbers)
    )


def _reading(study: Study) -> list[str]:
    try:
        return headline(by_arm(study).derive(who_reads))
    except Absent:
        return []


def _tables(study: Study) -> list[Table | None]:
    return [
        shift_table(study),
        task_table(study),
        variance_table(study),
        unseen_table(study),
        trust_table(study),
        requests_table(study),
    ]


def heading_of(results_dir: Path) -> tuple[str, str]:
    """Return the title and question of the suite that wrote a directory; empty for others' tables."""
    try:
        suite = json.loads((results_dir / "suite.json").read_text(encoding="utf-8"))
        return printable(str(suite["title"])), printable(str(suite["question"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", ""


def suite_of(study: Study) -> str:
    """Return the name of a study's suite; empty for others' tables."""
    runs = study.tables.get("runs")
    return ", ".join(runs["suite"].unique()) if runs is not None and not runs.empty else ""


def facts_of(study: Study) -> list[tuple[str, str]]:
    """Return the sizes of a study, name and number: agents, seeds, conditions, episodes, steps, hours."""
    episodes = study.table("episodes")
    facts = [
        ("agents", str(len(study.looks))),
        ("seeds each", str(episodes.groupby(["agent", "model"], observed=True)["seed"].nunique().min())),
        ("conditions", str(episodes["shift"].nunique())),
        ("evaluation episodes", f"{len(episodes):,}"),
    ]
    runs = study.tables.get("runs")
    if runs is not None and not runs.empty:
        facts.append(("steps of training", thousands(float(runs["frames"].sum()))))
        facts.append(("hours of computing", f"{runs['seconds'].sum() / 3600:.2g}"))
    return facts
