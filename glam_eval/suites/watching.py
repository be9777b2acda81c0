"""What one sees of a study that goes on: where its runs stand, its curves as they grow, and what failed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from glam_eval.config.run import RunConfig
from glam_eval.core.seeds import stream
from glam_eval.execution.study import log_file, read_suite
from glam_eval.results import load_results
from glam_eval.statistics import curve_episodes, learning_curves, name_variants
from glam_eval.suites.status import FAILED, StudyStatus, study_status

_LOG_LINES = 200  # the last ones of a failed run's log


@dataclass(frozen=True)
class View:
    """A study as it is now."""

    status: StudyStatus
    curves: pd.DataFrame
    """Of ``statistics.learning_curves``, a row an agent, model and point of training; empty before any."""
    failures: dict[str, str]
    """By run: why it failed, and the end of its log."""


def look(out: Path) -> View:
    """Return what a study's files show now; nothing in them is changed.

    Raises:
        UserError: if the directory holds no study, or a file is damaged.
    """
    status = study_status(out)
    failed = {
        run.run_id: f"{run.told}\n\n{_log(out, run.run_id)}" for run in status.runs if run.state == FAILED
    }
    return View(status, _curves(out), failed)


def _curves(out: Path) -> pd.DataFrame:
    """Return success along training by agent and model, of the seeds that got so far."""
    if not any((out / "episodes").rglob("*.parquet")):
        return pd.DataFrame()
    planned = [(run.run_id, run.config) for run in read_suite(out).graph if isinstance(run.config, RunConfig)]
    runs = pd.DataFrame(
        [(run_id, config.agent, config.model, config.canonical_json()) for run_id, config in planned],
        columns=["run_id", "agent", "model", "config"],
    )
    rows = curve_episodes(name_variants(load_results(out, "episodes"), runs))
    return learning_curves(rows, stream(0, "watch", "bands")) if len(rows) else pd.DataFrame()


def _log(out: Path, run_id: str) -> str:
    try:
        text = log_file(out, run_id).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "It left no log."
    return "\n".join(text.splitlines()[-_LOG_LINES:])


def points_of(curves: pd.DataFrame) -> list[tuple[str, str, np.ndarray, pd.Series]]:
    """Return each agent and model with its means along training and its last point, best first."""
    found = [
        (str(agent), str(model), rows["mean"].to_numpy(), rows.iloc[-1])
        for (agent, model), rows in curves.sort_values("frames").groupby(["agent", "model"], observed=True)
    ]
    return sorted(found, key=lambda each: -each[3]["mean"])
