"""``glam-eval status``: where every run of a study stands, from files, on any machine."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

_ROWS = 40  # of runs that are told one by one, unless all are asked for


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("status")(status)


def status(
    directory: Annotated[Path, typer.Argument(help="Directory of results.")],
    every: Annotated[bool, typer.Option("--all", help="List every run, finished ones too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every run as JSON.")] = False,
) -> None:
    """Tell which runs are finished, running, queued, failed or owed, from any login.

    Examples:

    `glam-eval status results/quick`

    `glam-eval status results/quick --json`
    """
    from glam_eval.core.console import Console, Table, print_json
    from glam_eval.suites.status import FINISHED, OWED, study_status

    found, console = study_status(directory), Console()
    if as_json:
        runs = [
            asdict(run) | {"success": None if math.isnan(run.success) else run.success} for run in found.runs
        ]
        print_json({"runs": runs, "counts": found.counts(), "stopping": found.stopping, "asked": found.asked})
        return
    shown = [run for run in found.runs if every or run.state not in (FINISHED, OWED)]
    table = Table("run", "state", "frames", "success", "where", "", box=None, padding=(0, 2, 0, 0))
    for run in shown if every else shown[:_ROWS]:
        frames = f"{run.frames:,} of {run.total_frames:,}" if run.total_frames else ""
        success = "" if math.isnan(run.success) else f"{run.success:.2f}"
        table.add_row(run.run_id, run.state, frames, success, run.where, run.told)
    if shown:
        console.print(table)
    if not every and len(shown) > _ROWS:
        console.print(f"and {len(shown) - _ROWS} more: --all lists them")
    counts = ", ".join(f"{count} {state}" for state, count in found.counts().items())
    console.print(f"{len(found.runs)} runs: {counts}", soft_wrap=True)
    if found.stopping:
        console.print("asked to stop: runs under way write a checkpoint and end", soft_wrap=True)
    if found.asked:
        console.print(found.asked, soft_wrap=True)
