"""``glam-eval models``: list, describe and make language models."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(models, name="models")


models = typer.Typer(help="List, describe and make language models.")


@models.command("list")
def list_models() -> None:
    """List the models known by name; any directory or Hugging Face name works as well."""
    from rich.console import Console
    from rich.table import Table

    from glam_eval.policies.models.shapes import EMBEDDED, KNOWN

    table = Table("model", "d_model", "layers", "d_ff", "comes from")
    for name, shape in KNOWN.items():
        origin = "made here, no download" if name in EMBEDDED else "Hugging Face hub"
        table.add_row(name, str(shape.d_model), f"{shape.layers}+{shape.layers}", str(shape.d_ff), origin)
    Console().print(table)


@models.command("make")
def make(
    name: Annotated[str, typer.Argument(help="Embedded model, for instance t5-nano.")],
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of its random weights.")] = 0,
) -> None:
    """Write an embedded model for `transformers`' `from_pretrained`, without any download.

    Example: `glam-eval models make t5-nano --out models/t5-nano`
    """
    from rich.console import Console

    from glam_eval.core.errors import UserError
    from glam_eval.policies import make_model

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {str(out)!r} exists: give a new directory")
    make_model(name, out, seed)
    Console().print(f"{name} in {out}", highlight=False, soft_wrap=True)
