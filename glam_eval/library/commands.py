"""Commands as functions: the same names and arguments, tables and studies in place of printed lines."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from glam_eval.config.loading import load_suite
from glam_eval.config.settings import plain
from glam_eval.core.errors import UserError
from glam_eval.library.study import Study


def run_suite(
    name: str | Path,
    out: str | Path | None = None,
    *,
    seeds: int | None = None,
    settings: Mapping[str, Any] | None = None,
    workers: int | None = None,
    device: str = "auto",
    fresh: bool = False,
    summary: bool = True,
    tracker: Sequence[str] = (),
) -> Study:
    """Carry out a whole study, or go on with it, as ``glam-eval run-suite`` does, and return it.

    Runs are made by processes of their own: a script that calls this keeps it under
    ``if __name__ == "__main__":``. Progress is printed as the command prints it.

    Args:
        name: A shipped suite, or a TOML file.
        out: Directory of results; by default ``results/<suite>``.
        seeds: Seeds of every agent; by default the suite's.
        settings: Values by dotted key, for instance ``{"ppo.learning_rate": 1e-4}``.
        workers: Runs at a time; by default as many as there are cores or GPUs.
        device: "auto", "cpu", "cuda" or "cuda:N".
        fresh: Whether this suite's results are deleted first.
        summary: Whether comparisons, figures and report are made in the end.
        tracker: Programs that are shown the curves: "tensorboard", "wandb" or one of your own.

    Raises:
        UserError: A name or a setting is wrong, or the directory is another suite's.
        RunFailedError: Runs failed; the others are finished.
    """
    from glam_eval.cli.run_suite import run_suite as command

    chosen = [f"{key}={_as_toml(key, value)}" for key, value in (settings or {}).items()]
    if seeds is not None:
        chosen.append(f"seeds={seeds}")
    directory = Path(out) if out is not None else Path("results") / load_suite(str(name), chosen).name
    command(
        str(name),
        out=directory,
        settings=chosen,
        workers=workers,
        device=device,
        fresh=fresh,
        summary=summary,
        tracker=list(tracker),
    )
    return Study(directory)


def compare(
    results: str | Path,
    *,
    protocol: str | None = None,
    baseline: str | None = None,
    against: str | None = None,
    mixed: bool = False,
    plan: bool = False,
    difference: float = 0.1,
) -> pd.DataFrame:
    """Return what ``glam-eval compare`` tells of a results directory, a row a comparison; needs no torch.

    Args:
        results: Directory of results.
        protocol: Only this protocol.
        baseline: Agents are compared with this one only, "agent/model".
        against: Published numbers to hold these against, instead: "paper", "balrog" or "agentgym".
        mixed: Odds of a mixed model, instead.
        plan: Seeds that would show a difference, instead.
        difference: With ``plan``: that difference of success, as a share.

    Returns:
        The columns of the table ``comparisons`` of the data dictionary: shares of success, with 95%
        intervals over seeds; other columns with ``against``, ``mixed`` and ``plan``.

    Raises:
        UserError: The directory holds no results, a name is unknown, or two kinds are asked at once.
    """
    from glam_eval.report.contrasts import contrasts

    return contrasts(Path(results), protocol, baseline, against, mixed, plan, difference).table


def _as_toml(key: str, value: object) -> str:
    """Return a value as TOML writes it, which for texts, numbers, truth values and lists is as JSON does."""
    if value is not None and not isinstance(value, Mapping):
        with contextlib.suppress(TypeError, ValueError):
            return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    raise UserError(f"settings {key!r}: give a text, a number, a truth value or a list of such")
