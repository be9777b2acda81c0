"""``glam-eval evaluate``: one checkpoint under one protocol."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("evaluate")(evaluate)


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint directory of a run.")],
    protocol: Annotated[str, typer.Option(help="Protocol: generalization or sample-efficiency.")],
    scenes: Annotated[int | None, typer.Option(min=1, help="Scenes. [default: as in its suite]")] = None,
    condition: Annotated[
        list[str] | None, typer.Option(help="Shift, for instance invented_nouns@fr; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to store episodes in.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Play a protocol's fixed scenes with a trained agent; the same scenes and draws as its suite's.

    Examples:

    `glam-eval evaluate results/quick/checkpoints/RUN/frames-0000019200 --protocol generalization`

    `glam-eval evaluate CHECKPOINT --protocol generalization --condition none --condition none@fr`
    """
    from rich.console import Console
    from rich.table import Table

    from glam_eval.suites.evaluation import evaluate_checkpoint

    console = Console()
    table = Table("shift", "episodes", "success", "return", "length")
    with console.status(f"playing {protocol}"):
        results = evaluate_checkpoint(checkpoint, protocol, scenes, tuple(condition or ()), out, device)
    for label, episodes in results.items():
        count = len(episodes)
        table.add_row(
            label,
            str(count),
            f"{sum(episode.success for episode in episodes) / count:.3f}",
            f"{sum(episode.episode_return for episode in episodes) / count:.3f}",
            f"{sum(episode.length for episode in episodes) / count:.1f}",
        )
    console.print(table)
    if out:
        console.print(f"episodes in {out / 'episodes'}", highlight=False, soft_wrap=True)
