"""``glam-eval bench``: throughput and its ratio to the measured limit."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glam_eval.cli.computing import computing

if TYPE_CHECKING:
    from glam_eval.benchmarks.engine import EngineMeasurement
    from glam_eval.benchmarks.rollouts import RolloutMeasurement
    from glam_eval.core.console import Console, Table


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(bench, name="bench")


bench = typer.Typer(help="Measure throughput against the limit of this machine.", no_args_is_help=True)


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
    from glam_eval.benchmarks.environments import measure_environment
    from glam_eval.core.console import Console, Table

    console = Console()
    with console.status(f"stepping {level}"):
        measured = measure_environment(level, steps, slots, language=language)
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
    _write(measured, out, console)


@bench.command("engine")
def engine(
    model: Annotated[
        list[str] | None, typer.Option(help="Model known by name, or a directory; repeatable.")
    ] = None,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads. [default: all]")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats, of which the median counts.")] = 5,
    compare: Annotated[bool, typer.Option(help="Compare with others' code.")] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    remembered: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Decoder-only: observations in a prompt; repeatable. [default: 1, 3]"),
    ] = None,
    tuning: Annotated[
        list[str] | None, typer.Option(help="Decoder-only: lora or full; repeatable. [default: both]")
    ] = None,
    steps: Annotated[
        int, typer.Option(min=1, max=40, help="Decoder-only: steps scored of a rollout of 40.")
    ] = 40,
    minibatch: Annotated[int, typer.Option(min=1, help="Decoder-only: prompts of an update.")] = 256,
    out: Annotated[Path | None, typer.Option(help="Parquet file to write.")] = None,
) -> None:
    """Score 32 prompts and update on 64, 240 tokens and 6 actions each; of decoder-only models, a rollout's.

    Beside the rates stand their ratios to the limit, the matrix rate measured in the same run; to plain
    Hugging Face calls, batches padded to their longest prompt and one decoder pass for each action; and to
    careful code on padded batches, with one pass over the tree of actions and torch's own attention, which
    is written for T5 alone.

    Decoder-only models score a rollout of 32 environments, as training does, and update on a minibatch of it.
    Their limit counts each prefix that prompts share once; "before" computes prompts one by one.

    Examples: `glam-eval bench engine --model t5-nano --model google/flan-t5-small`,
    `glam-eval bench engine --model smollm2-135m --precision bfloat16`
    """
    from glam_eval.core.console import Console, styled
    from glam_eval.core.errors import unknown
    from glam_eval.policies.devices import available_devices
    from glam_eval.policies.models.shapes import check_model_name

    if precision not in ("float32", "bfloat16"):
        raise unknown("precision", precision, ["float32", "bfloat16"])
    names = model or ["t5-nano", "google/flan-t5-small"]
    for name in names:
        check_model_name(name)
    tunings = tuning or ["lora", "full"]
    if unknown_tunings := set(tunings) - {"lora", "full"}:
        raise unknown("tuning", min(unknown_tunings), ["lora", "full"])
    from glam_eval.benchmarks.engine import measure_engine  # torch: not needed to refuse a name
    from glam_eval.benchmarks.isolated import measure_each
    from glam_eval.benchmarks.rollouts import Workload, are_decoder_only, measure_rollouts

    console, rows = Console(), list[Any]()
    options: dict[str, Any] = {
        "precision": precision,
        "device": available_devices(device)[0],
        "threads": threads,
    }
    decoder_only = are_decoder_only(names)
    with console.status("measuring") as status:
        options["report"] = lambda what: status.update(styled(f"measuring {what}"))
        if decoder_only:
            work = Workload(steps=steps, minibatch=minibatch, repeats=repeats, compare=compare)
            cases = [(name, n, each) for name in names for n in remembered or [1, 3] for each in tunings]
            for part in measure_each(measure_rollouts, cases, work=work, **options):
                rows += part
        else:
            named = [(name,) for name in names]
            rows += measure_each(measure_engine, named, repeats=repeats, compare=compare, **options)
    console.print(_rollout_table(rows) if decoder_only else _engine_table(rows, compare))
    _write(rows, out, console)


def _engine_table(measured: Sequence["EngineMeasurement"], compare: bool) -> "Table":
    """Return measurements as a table that fits 80 columns."""
    from rich.table import Column

    from glam_eval.core.console import Table

    first = measured[0]
    others = ("plain", "padded") if compare else ()
    table = Table(
        Column("model", no_wrap=True),
        "work",
        *(
            Column(name, justify="right")
            for name in ("prompts /s", "of limit", *(f"x {way}" for way in others), "GFLOP /s", "peak GiB")
        ),
        box=None,
        padding=(0, 1, 0, 0),
        title=f"{first.precision}, {first.device}, {first.threads} threads, {first.kernels} kernels",
    )
    for row in measured:
        for work in ("score", "update"):
            rate = getattr(row, f"{work}_rate")
            table.add_row(
                row.model,
                work,
                f"{rate:,.1f}",
                f"{getattr(row, f'{work}_fraction'):.0%}",
                *(_times(rate / getattr(row, f"{way}_{work}_rate")) for way in others),
                f"{row.matrix_rate / 1e9:,.0f}",
                f"{row.peak_memory / 2**30:.2f}",
            )
    return table


def _rollout_table(measured: Sequence["RolloutMeasurement"]) -> "Table":
    """Return measurements on rollouts as a table that fits 80 columns."""
    from rich.table import Column

    from glam_eval.core.console import Table

    first = measured[0]
    names = ("prompts /s", "of limit", "x before", "x plain", "GFLOP /s", "peak GiB")
    table = Table(
        Column("model, observations", no_wrap=True),
        "work",
        *(Column(name, justify="right") for name in names),
        box=None,
        padding=(0, 1, 0, 0),
        title=f"{first.level}, {first.precision}, {first.device}, {first.threads} threads",
    )
    for row in measured:
        table.add_row(
            f"{row.model}, {row.remembered}",
            row.work if row.work == "score" else f"update, {row.tuning}",
            f"{row.rate:,.1f}",
            f"{row.fraction:.0%}",
            _times(row.rate / row.before_rate),
            _times(row.rate / row.plain_rate),
            f"{row.matrix_rate / 1e9:,.0f}",
            f"{row.peak_memory / 2**30:.2f}",
        )
    return table


def _times(ratio: float) -> str:
    return "" if math.isnan(ratio) else f"{ratio:.1f}"


@bench.command("agents")
@computing
def agents(
    level: Annotated[str, typer.Argument(help="Level (see `glam-eval envs`).")] = "GoToLocalS5N2",
    model: Annotated[str, typer.Option(help="Model of the agents that need one.")] = "t5-nano",
    updates: Annotated[int, typer.Option(min=1, help="Updates measured, after one to warm up.")] = 2,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    out: Annotated[Path | None, typer.Option(help="Parquet file to write.")] = None,
) -> None:
    """Let every agent act in 32 environments and learn, each with its own learner's settings.

    The last columns are the phases' shares of the time of learning.

    Example: `glam-eval bench agents --out results/bench/agents.parquet`
    """
    from rich.table import Column

    from glam_eval.benchmarks.agents import PHASES, measure_agents
    from glam_eval.core.console import Console, Table
    from glam_eval.policies.devices import available_devices

    console = Console()
    with console.status(f"every agent on {level}"):
        measured = list(measure_agents(level, model, updates, available_devices(device)[0]))
    table = Table(
        Column("agent", no_wrap=True),
        "parameters",
        "acting, steps/s",
        "learning, frames/s",
        *PHASES,
        box=None,
        padding=(0, 1, 0, 0),
    )
    table.title = f"{level}, {model}"
    for row in measured:
        cells = [f"{row.parameters:,}", f"{row.acting:,.0f}"]
        if not math.isnan(row.learning):
            shares = (getattr(row, f"{phase}_share") for phase in PHASES)
            cells += [f"{row.learning:,.0f}", *(f"{share:.0%}" for share in shares)]
        table.add_row(row.agent, *cells)
    console.print(table)
    _write(measured, out, console)


def _write(measured: Sequence[Any], out: Path | None, console: "Console") -> None:
    """Write measurements as Parquet if a file was asked for."""
    if out is None:
        return
    from dataclasses import asdict

    import pandas as pd

    from glam_eval.cli.tables import present

    out.parent.mkdir(parents=True, exist_ok=True)
    present(pd.DataFrame([asdict(row) for row in measured]), "parquet", out, console)
