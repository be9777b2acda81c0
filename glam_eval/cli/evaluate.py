"""``glam-eval evaluate``: one checkpoint under one protocol."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glam_eval.cli.computing import computing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glam_eval.core.console import Table
    from glam_eval.execution.evaluation import Evaluation

# Of protocols that are asked at two moments: titles, the column that rows are grouped by, those averaged.
_MEASURED = {
    "retention": (
        ("text", "items", "loss", "accuracy", "chance"),
        "objective",
        ("loss", "accuracy", "chance"),
    ),
    "consequences": (
        ("question", "items", "right", "per token", "beside the prior", "chance"),
        "question",
        ("right", "right_per_token", "right_calibrated", "chance"),
    ),
    "saliency": (
        ("part", "situations", "KL without it", "distance", "likeliest changed"),
        "part",
        ("kl", "distance", "changed"),
    ),
}


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("evaluate")(evaluate)


@computing
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint directory of a run.")],
    protocol: Annotated[
        str,
        typer.Option(
            help="Protocol: generalization, sample-efficiency, probes, retention, consequences or saliency."
        ),
    ],
    scenes: Annotated[int | None, typer.Option(min=1, help="Scenes. [default: as in its suite]")] = None,
    items: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Items of a kind, for retention and consequences; situations, for saliency. "
            "[default: as in its suite]",
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

    `glam-eval evaluate CHECKPOINT --protocol saliency`
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
        tabulate = {"probes": _probes, **dict.fromkeys(_MEASURED, _measured)}.get(protocol, _episodes)
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
            _share([episode.first_told for episode in episodes]),
            f"{sum(episode.episode_return for episode in episodes) / count:.3f}",
            f"{sum(episode.length for episode in episodes) / count:.1f}",
        )
    return table


def _share(values: "Sequence[bool | None]") -> str:
    """Return the share of true values, a dash where one isn't known: not every world has other goals."""
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.3f}" if len(known) == len(values) else "-"


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


def _measured(evaluation: "Evaluation", out: Path | None) -> "Table":
    """Return means over rows: of each kind of text, question or part of the prompt."""
    from glam_eval.core.console import Table

    titles, kind, columns = _MEASURED[evaluation.protocol.name]
    rows = evaluation.measure(out)
    table = Table(*titles)
    for name in dict.fromkeys(getattr(row, kind) for row in rows):
        own = [row for row in rows if getattr(row, kind) == name]
        items = sum(getattr(row, "items", 1) for row in own)
        means = (sum(getattr(row, column) for row in own) / len(own) for column in columns)
        table.add_row(name, str(items), *(f"{mean:.3f}" for mean in means))
    return table
