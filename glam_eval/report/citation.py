"""How a study is cited: the command that makes it, the version that made it, and what its numbers hash to."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glam_eval.config.loading import load_suite, shipped_suites
from glam_eval.config.settings import differences
from glam_eval.core.errors import UserError
from glam_eval.core.text import one_line
from glam_eval.core.version import __version__
from glam_eval.figures import Study

TITLE = "glam-eval: who reads and who walks? A toolkit to study the grounding of language models that act"
_DIGITS = 16  # hexadecimal: 64 bits tell any number of studies apart
# What an episode is and what came of it; run_id holds agent, model, level, seed and the settings' hash.
_EVIDENCE = ("run_id", "frames", "protocol", "shift", "language", "goal", "scene_seed", "success", "length")
_LATEX = {**{mark: f"\\{mark}" for mark in "&%$#_{}"}, "\\": "\\textbackslash{}", "~": "\\~{}", "^": "\\^{}"}


@dataclass(frozen=True)
class Citation:
    """A study, as others can name it, and make it again.

    Attributes:
        command: What makes the study; empty of tables that no run of ours made.
        version: Of glam-eval that made it, with the commit where it was a checkout.
        settings: SHA-256 of the configurations of all runs, first 16 hexadecimal digits.
        results: SHA-256 of what came of every evaluation episode, first 16 hexadecimal digits.
        bibtex: An entry that says all of this.
    """

    command: str
    version: str
    settings: str
    results: str
    bibtex: str

    @property
    def sentence(self) -> str:
        """What the hashes are, in words."""
        return (
            f"Made by glam-eval {self.version}; settings {self.settings} (of the configurations of all "
            f"runs), results {self.results} (of all evaluation episodes: whoever has these "
            "has the same numbers)."
        )


def cite(study: Study, title: str = "", command: str = "") -> Citation:
    """Return the citation of a study; of tables that no run of ours made, what can be said of them."""
    runs = study.tables.get("runs")
    version, settings = __version__, "unknown"
    if runs is not None and not runs.empty:
        version = ", ".join(sorted(map(str, runs["code_version"].unique())))
        settings = _digest(sorted(map(str, runs["config_hash"].unique())))
    results = results_hash(study)
    told = [f"study {_latex(one_line(title))}"] if title else []
    told += [f"\\texttt{{{_latex(command)}}}"] if command else []
    told.append(f"settings {settings}, results {results}")
    bibtex = (
        f"@software{{glam_eval_{results[:8]},\n"
        f"  title = {{{{{TITLE}}}}},\n"
        "  author = {{The glam-eval developers}},\n"
        f"  version = {{{_latex(version)}}},\n"
        f"  note = {{{'; '.join(told)}}}\n}}"
    )
    return Citation(command, version, settings, results, bibtex)


def results_hash(study: Study) -> str:
    """Return the hash of a study's evaluation episodes, whatever files hold them and in which order."""
    episodes = study.table("episodes")
    kept = episodes[[name for name in _EVIDENCE if name in episodes]]
    return _digest(sorted(kept.to_csv(index=False, header=False).splitlines()))


def command_of(results_dir: Path) -> str:
    """Return the command that makes the study of a directory; empty for others' tables.

    A suite that ships is named as it is; one with other settings is a file of its author's.
    """
    try:
        held = json.loads((results_dir / "suite.json").read_text(encoding="utf-8"))
        name, settings, seeds = str(held["name"]), dict(held["settings"]), int(held["seeds"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    if not re.fullmatch(r"[\w.+-]+", name):
        return "glam-eval run-suite SUITE.toml"
    if name in shipped_suites():
        for chosen in ([], [f"seeds={seeds}"]):
            if _is(name, chosen, held, settings):
                return f"glam-eval run-suite {name}" + (f" --seeds {seeds}" if chosen else "")
    return f"glam-eval run-suite {name}.toml"


def _is(name: str, chosen: list[str], held: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Return whether a suite that ships sets what a study set, and means by the rest what it meant."""
    try:
        shipped = load_suite(name, chosen)
    except UserError:
        return False
    told = shipped.model_dump(mode="json", exclude_unset=True)
    same = all(held.get(key) == value for key, value in told.items())
    return same and not any(differences(settings, shipped.model_dump(mode="json"), later=False))


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_DIGITS]


def _latex(text: str) -> str:
    """Return a text as LaTeX sets it letter by letter; two hyphens would become a dash."""
    return "".join(_LATEX.get(mark, mark) for mark in text).replace("--", "-{}-")
