"""``glam-eval bench``: throughput and its ratio to the measured limit."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(bench, name="bench")


bench = typer.Typer(help="Measure throughput against the limit of this machine.", no_args_is_help=True)


@bench.callback()
def _bench() -> None:
    """Keep the subcommands' names even where there is one only."""


@bench.command("environment")
def environment(
    level: Annotated[str, typer.Argument(help="Level (see `glam-eval envs`).")] = "MixedTrainLocal",
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of ours; MiniGrid takes a fifth as many.")
    ] = 50_000,
    slots: Annotated[int, typer.Option(min=1, help="Environments side by side.")] = 32,
    language: Annotated[str, typer.Option(help="Language of goal and observations.")] = "en",
    out: Annotated[Path | None, typer.Option(help="Parquet file to write.")] = None,
) -> None:
    """Step a level with random actions on one core: ours with text and prompts, MiniGrid's own without.

    Example: `glam-eval bench environment MixedTrainLocal --out results/bench/environment.parquet`
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from glam_eval.environments.bench import bench_environment

    console = Console()
    with console.status(f"stepping {level}"):
        measured = bench_environment(level, steps, slots, language=language)
    table = Table("world", "steps", "episodes", "steps/s", "reset ms", "ratio", title=level)
    for row in measured:
        table.add_row(
            row.what,
            f"{row.steps:,}",
            f"{row.episodes:,}",
            f"{row.steps_per_second:,.0f}",
            f"{row.reset_milliseconds:.2f}",
            f"{row.ratio:.2f}",
        )
    console.print(table)
    if out is not None:
        import pandas as pd

        out.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([asdict(row) for row in measured]).to_parquet(out, index=False)
        console.print(f"written to {out}", highlight=False, soft_wrap=True)
