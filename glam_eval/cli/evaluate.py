"""``glam-eval evaluate``: one checkpoint under one protocol."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glam_eval.cli.computing import computing

if TYPE_CHECKING:
    from glam_eval.core.console import Table
    from glam_eval.execution.evaluation import Evaluation


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("evaluate")(evaluate)


@computing
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint directory of a run.")],
    protocol: Annotated[
        str,
        typer.Option(help="Protocol: generalization, sample-efficiency, probes, retention or consequences."),
    ],
    scenes: Annotated[int | None, typer.Option(min=1, help="Scenes. [default: as in its suite]")] = None,
    items: Annotated[
        int | None,
        typer.Option(
            min=1, help="Items of a kind, for retention and consequences. [default: as in its suite]"
        ),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            help="Condition, for instance invented_nouns@fr or none~swapped, or a set such as @paper or "
            "@controls; repeatable."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to store the rows in.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Ask a trained agent the fixed scenes, prompts or texts of a protocol, with the draws of its suite.

    Examples:

    `glam-eval evaluate results/quick/checkpoints/RUN/frames-0000020480 --protocol generalization`

    `glam-eval evaluate CHECKPOINT --protocol generalization --condition none --condition none@fr`

    `glam-eval evaluate CHECKPOINT --protocol generalization --condition none --condition @controls`

    `glam-eval evaluate CHECKPOINT --protocol probes --condition none@fr`

    `glam-eval evaluate CHECKPOINT --protocol consequences --items 400`
    """
    from glam_eval.core.console import Console
    from glam_eval.core.files import refuse_links
    from glam_eval.execution.evaluation import load_evaluation

    if out is not None:
        refuse_links(out)
    given = {"scenes": scenes, "items": items, "conditions": condition}
    settings = {name: value for name, value in given.items() if value}
    console = Console()
    with console.status(f"asking {protocol}"):
        evaluation = load_evaluation(checkpoint, protocol, settings, device)
        tabulate = {"probes": _probes, "retention": _language, "consequences": _consequences}.get(
            protocol, _episodes
        )
        table = tabulate(evaluation, out)
    console.print(table)
    if out:
        console.print(f"rows in {out}", soft_wrap=True)


def _episodes(evaluation: "Evaluation", out: Path | None) -> "Table":
    from glam_eval.core.console import Table

    table = Table("shift", "episodes", "success", "as told", "first as told", "return", "length")
    for label, episodes in evaluation.episodes(out).items():
        count = len(episodes)
        table.add_row(
            label,
            str(count),
            f"{sum(episode.success for episode in episodes) / count:.3f}",
            f"{sum(episode.success_told for episode in episodes) / count:.3f}",
            f"{sum(episode.first_told for episode in episodes) / count:.3f}",
            f"{sum(episode.episode_return for episode in episodes) / count:.3f}",
            f"{sum(episode.length for episode in episodes) / count:.1f}",
        )
    return table


def _probes(evaluation: "Evaluation", out: Path | None) -> "Table":
    from glam_eval.core.console import Table

    table = Table("probe", "shift", "expected", "probability", "entropy", "KL to start", "value")
    rows = evaluation.probe(out)
    for probe, shift in dict.fromkeys((row.probe, row.shift) for row in rows):
        own = [row for row in rows if (row.probe, row.shift) == (probe, shift) and row.expected]
        table.add_row(
            probe,
            shift,
            " or ".join(row.action for row in own),
            f"{sum(row.probability for row in own):.3f}",
            f"{own[0].entropy:.2f}",
            f"{own[0].kl:.2f}",
            f"{own[0].value:.2f}",
        )
    return table


def _language(evaluation: "Evaluation", out: Path | None) -> "Table":
    from glam_eval.core.console import Table

    table = Table("text", "items", "loss", "accuracy", "chance")
    for row in evaluation.language(out):
        table.add_row(
            row.objective, str(row.items), f"{row.loss:.3f}", f"{row.accuracy:.3f}", f"{row.chance:.3f}"
        )
    return table


def _consequences(evaluation: "Evaluation", out: Path | None) -> "Table":
    from glam_eval.core.console import Table

    table = Table("question", "items", "right", "per token", "beside the prior", "chance")
    rows = evaluation.consequences(out)
    for question in dict.fromkeys(row.question for row in rows):
        own = [row for row in rows if row.question == question]
        shares = (
            sum(values) / len(own)
            for values in zip(
                *((row.right, row.right_per_token, row.right_calibrated, row.chance) for row in own),
                strict=True,
            )
        )
        table.add_row(question, str(len(own)), *(f"{share:.3f}" for share in shares))
    return table
