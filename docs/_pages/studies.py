"""A page for each study that comes with the code: question, command, figure, finding, of its own tables."""

import io
import json
from pathlib import Path

from glam_eval.library import Study

_FIGURES = 2  # of a page: the first that the study has data for


def directories(results: Path) -> list[Path]:
    """Return the results directories that are studies: those of a suite, with episodes."""
    return sorted(each.parent for each in results.glob("*/suite.json") if (each.parent / "episodes").is_dir())


def pages(results: Path) -> dict[str, str | bytes]:
    """Return the pages and pictures of all studies by their path in the site."""
    made: dict[str, str | bytes] = {}
    rows = []
    for directory in directories(results):
        suite = json.loads((directory / "suite.json").read_text("utf-8"))
        page, pictures = _page(Study(directory), suite)
        made[f"studies/{directory.name}.md"] = page
        made |= {f"studies/{directory.name}-{name}.png": picture for name, picture in pictures.items()}
        rows.append(f"| [{directory.name}]({directory.name}.md) | {suite['title']} | {suite['question']} |\n")
    head = (
        "# Studies\n\nThese results come with the code, in `results/`; each page is made of its tables.\n\n"
    )
    made["studies/index.md"] = head + "| results | title | asks |\n|---|---|---|\n" + "".join(rows)
    return made


def _page(study: Study, suite: dict[str, str]) -> tuple[str, dict[str, bytes]]:
    name, runs = study.directory.name, study.runs
    found = "".join(f"- {finding}\n" for finding in study.findings)
    pictures, figures = {}, ""
    for figure in list(study.figures)[:_FIGURES]:
        drawn = study.figure(figure)
        stream = io.BytesIO()
        drawn.drawing.savefig(stream, format="png", dpi=200, metadata={"Software": None})
        pictures[figure] = stream.getvalue()
        figures += f"![{drawn.definition.title}]({name}-{figure}.png)\n\n*{drawn.caption}*\n\n"
    versions = ", ".join(sorted({str(each) for each in runs["code_version"]}))
    facts = (
        f"{len(runs)} runs, {runs['seed'].nunique()} seeds, {len(study.episodes):,} evaluation episodes, "
        f"{runs['frames'].sum():,} steps of training, {runs['seconds'].sum() / 3600:.1f} hours; "
        f"glam-eval {versions}."
    )
    others = ", ".join(f"`{each}`" for each in list(study.figures)[_FIGURES:]) or "none"
    return (
        f"# {suite['title']}\n\n{suite['question']}\n\n```sh\nglam-eval run-suite {suite['name']} "
        f"--out results/{name}\nglam-eval report results/{name}\n```\n\n{figures}## Findings\n\n{found}\n"
        f"{facts} Other figures: {others}.\n",
        pictures,
    )
