"""What every form tells of a study: its name, its question, who made it, how it is cited and made again."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glam_eval.core.errors import UserError
from glam_eval.core.files import refuse_links
from glam_eval.core.text import one_line
from glam_eval.figures import Study
from glam_eval.report.build import heading_of, suite_of
from glam_eval.report.citation import Citation, cite, command_of
from glam_eval.results import load_results, table_names
from glam_eval.statistics import complete, name_variants
from glam_eval.statistics.cells import final_checkpoints

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")  # in the names of repositories, folders and configurations


@dataclass(frozen=True)
class Told:
    """What is told of a study.

    Attributes:
        directory: Where its results are.
        study: Its tables, as figures and report see them.
        title: Of its suite, or the suite's name, or the directory's.
        question: Of its suite, empty for others' tables.
        citation: Command, version and hashes.
        by: Who made it, as the person who exports says; empty if they don't.
        licence: Of the results, as an identifier of SPDX's or the hub's; empty if none is given.
    """

    directory: Path
    study: Study
    title: str
    question: str
    citation: Citation
    by: str = ""
    licence: str = ""

    @property
    def name(self) -> str:
        """The study's name, fit for a repository or a folder."""
        return slug(suite_of(self.study) or self.directory.resolve().name)


def tell(directory: Path, by: str = "", licence: str = "") -> Told:
    """Return what is told of the study in a directory.

    Raises:
        UserError: The directory holds no episodes or a symbolic link, or a table of it is damaged.
    """
    refuse_links(directory)  # what they lead to would be shared
    study = Study.load(directory)
    title, question = heading_of(directory)
    citation = cite(study, title, command_of(directory))
    shown = one_line(title) or suite_of(study) or directory.resolve().name
    return Told(directory, study, shown, one_line(question), citation, one_line(by), licence)


def runs_of(directory: Path) -> pd.DataFrame:
    """Return the runs of a study that finished.

    Raises:
        UserError: The study has no table of runs, or none finished.
    """
    if "runs" not in table_names(directory):
        raise UserError(f"{directory} has no table 'runs': only studies with their settings can be told so")
    runs = load_results(directory, "runs")
    finished = runs[runs["status"] == "finished"].reset_index(drop=True)
    if finished.empty:
        raise UserError(f"no run of {directory} is finished: glam-eval status {directory}")
    return finished


def last_episodes(directory: Path, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the episodes of each run's last checkpoint; runs of other settings are told apart in ``model``.

    Unlike in figures any setting tells runs apart: who reads a record elsewhere knows none of ours.
    """
    episodes = load_results(directory, "episodes")
    episodes = name_variants(episodes[episodes["run_id"].isin(runs["run_id"])], runs)
    return final_checkpoints(complete(episodes, runs).episodes)


def slug(text: str) -> str:
    """Return a text as a name of letters, digits, full stops, hyphens and low lines."""
    return _UNFIT.sub("-", text).strip("-._") or "unnamed"


def group_of(values: object, name: str = "") -> dict[str, Any]:
    """Return what a JSON text or a dictionary holds, or one group of it; empty where others wrote no such."""
    if isinstance(values, str):
        try:
            values = json.loads(values)
        except (ValueError, RecursionError):
            return {}
    if name and isinstance(values, dict):
        values = values.get(name)
    return values if isinstance(values, dict) else {}
