"""``glam-eval export`` and ``push``: studies and trained models in the forms of others, and on a hub."""

from pathlib import Path
from typing import Annotated

import typer

# Each form that results are written in -> the options that it alone takes.
FORMATS = {"every_eval_ever": {"--episodes"}, "huggingface": set[str](), "model": {"--run", "--base"}}


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("export")(export)
    app.command("push")(push)


def export(
    results: Annotated[Path, typer.Argument(help="Directory of results, for instance results/quick.")],
    form: Annotated[str, typer.Option("--format", help="every_eval_ever, huggingface or model.")],
    to: Annotated[Path, typer.Option(help="Directory to write, new.")],
    run: Annotated[
        str | None, typer.Option(help="With --format model: the run whose last checkpoint it is.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="With --format model: the hub's name of its base model. [default: the run's]"),
    ] = None,
    episodes: Annotated[
        bool, typer.Option("--episodes", help="With --format every_eval_ever: also every episode.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who made the study, as others shall name them.")] = "",
    licence: Annotated[
        str, typer.Option("--license", help="Licence of what is written, for instance mit or cc-by-4.0.")
    ] = "",
) -> None:
    """Write a study, or one of its models, as other tools read it.

    `every_eval_ever`: records of its schema: an agent with its model, a result a condition.

    `huggingface`: a data set, a configuration a table, with a card and Croissant metadata.

    `model`: a language model that a run trained, as transformers or peft load it, with a card.

    Examples:

    `glam-eval export results/quick --format every_eval_ever --to records`

    `glam-eval export results/quick --format huggingface --license mit --to dataset`

    `glam-eval export results/quick --format model --run RUN_ID --to grounded`
    """
    from glam_eval.core.console import Console
    from glam_eval.exporting.output import whole_directory
    from glam_eval.exporting.told import tell

    _check(results, form, {"--run": run, "--base": base, "--episodes": episodes or None})
    console = Console(highlight=False, soft_wrap=True)
    with whole_directory(to) as out, console.status(f"writing {to}"):
        told = tell(results, by, licence)
        if form == "every_eval_ever":
            from glam_eval.exporting.every_eval_ever import write_records

            said = f"{len(write_records(told, out, episodes)):,} records"
        elif form == "huggingface":
            from glam_eval.exporting.dataset import write_dataset

            said = f"{len(write_dataset(told, out)):,} tables"
        else:
            from glam_eval.exporting.model import write_model

            said = str(write_model(told, run or "", out, base or ""))
    console.print(f"{said} in {to}")


def _check(results: Path, form: str, given: dict[str, object]) -> None:
    """Raise a UserError for a format that there isn't, or an option of another one."""
    from glam_eval.core.errors import UserError, unknown

    if form not in FORMATS:
        raise unknown("format", form, FORMATS)
    if form == "model" and given["--run"] is None:
        raise UserError(f"--format model needs --run: glam-eval status {results} lists the runs")
    for option, value in given.items():
        if value is not None and option not in FORMATS[form]:
            raise UserError(f"{option} is not of --format {form}: leave it out")


def push(
    directory: Annotated[Path, typer.Argument(help="What `glam-eval export` wrote.")],
    repository: Annotated[str, typer.Argument(help="Repository of the hub, owner/name.")],
    create: Annotated[
        bool, typer.Option("--create", help="Make the repository where it isn't there, private.")
    ] = False,
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Propose it instead of writing it.")
    ] = False,
) -> None:
    """Send what was exported to the Hugging Face hub, or to the one that HF_ENDPOINT names.

    Who is logged in is known to the hub's own client alone: `hf auth login`, or HF_TOKEN.

    Examples:

    `glam-eval push dataset me/my-study --create`

    `glam-eval push records evaleval/EEE_datastore --pull-request`
    """
    from glam_eval.core.console import Console
    from glam_eval.exporting.hub import push as send

    console = Console(highlight=False, soft_wrap=True)
    with console.status(f"sending {directory}"):
        sent = send(directory, repository, create, pull_request)
    console.print(f"{sent.files:,} files in {sent.address}")
