"""``glam-eval models pretrain, audit, score, release, card``: the ladder of pretrained models."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glam_eval.cli.computing import computing

if TYPE_CHECKING:
    from glam_eval.core.answer_records import LanguageRecord
    from glam_eval.core.console import Console


def register(models: typer.Typer) -> None:
    """Add the commands to ``glam-eval models``."""
    for command in (pretrain, audit, score, release, card):
        models.command(command.__name__)(command)


@computing
def pretrain(
    name: Annotated[str, typer.Argument(help="Rung of the ladder, for instance t5-nano.")],
    out: Annotated[Path, typer.Option(help="Directory for checkpoints and tables.")],
    data: Annotated[
        Path | None, typer.Option(help="Directory for external texts, fetched if they aren't there.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed. [default: the recipe's]")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the recipe, for instance span_share=0.2.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads; the last bits of numbers depend on it.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Pretrain a small T5 by its recipe; again to resume. At the end --out is a model for any command.

    Example: `glam-eval models pretrain t5-pico --out pretraining/t5-pico`
    """
    from glam_eval.core.console import Console
    from glam_eval.policies.devices import available_devices
    from glam_eval.pretraining.recipe import load_recipe
    from glam_eval.pretraining.session import external_texts
    from glam_eval.pretraining.session import pretrain as run

    recipe = load_recipe(name, settings or [], seed)
    console = Console(soft_wrap=True)
    scores = run(recipe, out, external_texts(data), available_devices(device)[0], threads, console)
    _print_scores(scores, console)
    console.print(f"{name} in {out}")


def audit(
    items: Annotated[int, typer.Option(min=1, help="Items drawn, and as many plain texts.")] = 20_000,
    data: Annotated[
        Path | None, typer.Option(help="Directory for external texts, fetched if they aren't there.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Parquet file to write the count of each word to.")] = None,
) -> None:
    """Prove that pretraining pairs no observation or goal with an action; count each evaluation word.

    Example: `glam-eval models audit --items 100000 --out results/ladder/words.parquet`
    """
    from itertools import chain, islice

    from glam_eval.core.console import Console
    from glam_eval.core.errors import RunFailedError
    from glam_eval.pretraining.audit import audit as check
    from glam_eval.pretraining.mixture import training_examples, training_sentences
    from glam_eval.pretraining.session import external_texts

    console = Console(soft_wrap=True)
    texts = external_texts(data)
    with console.status("reading what pretraining is made of"):
        found = check(
            chain(
                islice(training_examples(seed), items), islice(training_sentences(seed, texts=texts), items)
            )
        )
    console.print(f"{found.items:,} items and texts of {found.tokens:,} words")
    counts = found.words.groupby(["kind", "knowledge"], as_index=False).size()
    for row in counts.to_dict("records"):
        console.print(f"{row['kind']}: {row['size']} {row['knowledge']}")
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        found.words.to_parquet(out, index=False)
        console.print(f"written to {out}")
    if not found.passed:
        first = found.violations[0]
        raise RunFailedError(
            f"{len(found.violations)} items cross the line; the first: {first.rule}: {first.text}"
        )
    console.print("none crosses the line")


@computing
def score(
    models: Annotated[list[str], typer.Argument(help="Names, directories or hub names; not of BART.")],
    out: Annotated[Path | None, typer.Option(help="Directory of results to add to.")] = None,
    items: Annotated[int, typer.Option(min=1, help="Held-out items of each family, and windows.")] = 200,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "cpu",
) -> None:
    """Measure what models make of held-out language: accuracy on every family, perplexity of text.

    Example: `glam-eval models score t5-nano t5-nano-scratch --out results/ladder`
    """
    from glam_eval.core.console import Console
    from glam_eval.policies import load_model
    from glam_eval.policies.devices import available_devices
    from glam_eval.pretraining.evaluate import Counts, language_scores
    from glam_eval.results import write_table

    console = Console(soft_wrap=True)
    where = available_devices(device)[0]
    for name in models:
        with console.status(f"asking {name}"):
            scores = language_scores(*load_model(name, device=where), Counts(items, items), name=name)
        _print_scores(scores, console)
        if out is not None:
            console.print(f"written to {write_table(out, 'language', scores, Path(name).name)}")


@computing
def release(
    pretrained: Annotated[Path, typer.Argument(help="Directory that `models pretrain` wrote.")],
    ladder: Annotated[
        Path | None, typer.Option(help="Directory of rungs to write into. [default: the package's]")
    ] = None,
) -> None:
    """Turn a finished pretraining into weights that ship: bfloat16, checksums and a model card.

    Example: `glam-eval models release pretraining/t5-nano`
    """
    from glam_eval.core.console import Console
    from glam_eval.pretraining.session import release_pretrained

    console = Console(soft_wrap=True)
    with console.status("asking the model for its card"):
        scores = release_pretrained(pretrained, ladder)
    _print_scores(scores, console)


def card(name: Annotated[str, typer.Argument(help="Rung of the ladder, for instance t5-nano.")]) -> None:
    """Show a rung's model card: data, licence, losses, what it can and can't do.

    Example: `glam-eval models card t5-nano`
    """
    from rich.markdown import Markdown

    from glam_eval.core.console import Console
    from glam_eval.policies.models.shipped import read_card

    Console().print(Markdown(read_card(name)))


def _print_scores(scores: Sequence["LanguageRecord"], console: "Console") -> None:
    from math import exp, isnan

    from glam_eval.core.console import Table

    table = Table("objective", "items", "accuracy", "chance", "perplexity", title=scores[0].model)
    for row in scores:
        accuracy = "" if isnan(row.accuracy) else f"{row.accuracy:.0%}"
        chance = f"{row.chance:.0%}" if row.chance > 0 else ""
        table.add_row(row.objective, str(row.items), accuracy, chance, f"{exp(row.loss):.2f}")
    console.print(table)
