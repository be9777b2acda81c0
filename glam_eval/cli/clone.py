"""``glam-eval clone``: demonstrations of the bot or of a trained agent, and an agent that imitates them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from glam_eval.config.run import RunConfig


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("clone")(clone)


def clone(
    source: Annotated[str, typer.Argument(help="bot, a checkpoint, or a directory of demonstrations.")],
    out: Annotated[Path, typer.Option(help="Directory: demonstrations/, cloned/ and continued/ in it.")],
    model: Annotated[
        str, typer.Option(help="Embedded model, directory or Hugging Face name that imitates.")
    ] = "t5-nano",
    level: Annotated[str, typer.Option(help="Level (see `glam-eval envs`).")] = "GoToLocalS5N2",
    transitions: Annotated[
        int | None,
        typer.Option(min=1, help="Demonstrations to collect, or to draw. [default: 51200, or all]"),
    ] = None,
    random_fraction: Annotated[
        float, typer.Option(min=0, max=1, help="Share of steps at which the demonstrator acts at random.")
    ] = 0.0,
    frames: Annotated[
        int | None,
        typer.Option(min=0, help="Demonstrations to learn from; 0 only collects. [default: each once]"),
    ] = None,
    then_frames: Annotated[
        int, typer.Option(min=0, help="Environment steps of PPO after cloning; 0 for none.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the run.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, for instance cloning.learning_rate=1e-4.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Collect demonstrations, learn from them, evaluate, and continue online if asked; again to resume.

    Examples:

    `glam-eval clone bot --out results/bc-bot`

    `glam-eval clone results/quick/checkpoints/RUN/frames-0000051200 --out results/bc-gflan`

    `glam-eval clone bot --out results/mixed --random-fraction 0.5 --transitions 10000 --frames 0`

    `glam-eval clone results/mixed --out results/from-mixed --then-frames 51200`
    """
    from rich.console import Console

    from glam_eval.config.loading import override
    from glam_eval.suites.cloning import collect_demonstrations, count_demonstrations
    from glam_eval.suites.run import run_alone

    console = Console(highlight=False, soft_wrap=True)
    values = override(
        _values("bc-bot" if source == "bot" else "bc-gflan", model, level, seed), settings or []
    )
    values["cloning"] = {**values.get("cloning", {}), "source": source, "random_fraction": random_fraction}
    stored = Path(source)
    if not (stored / "demonstrations").is_dir():
        wanted = _run(values, transitions or 51_200)
        with console.status(f"{source} plays {level}"):
            table = collect_demonstrations(wanted, out, device)
        console.print(f"demonstrations in {table}")
        stored, transitions = out, None
    total = frames if frames is not None else transitions or count_demonstrations(stored)
    if not total:
        return
    values |= {
        "frames": total,
        "cloning": {**values["cloning"], "source": str(stored), "random_fraction": 0.0},
    }
    if transitions is not None:
        values["cloning"]["transitions"] = transitions
    checkpoint = run_alone(values, out / "cloned", device, console)
    console.print(f"results in {out / 'cloned'}, checkpoint {checkpoint}")
    if then_frames:
        values |= {"frames": then_frames, "agents": [{"agent": "gflan", "model": str(checkpoint)}]}
        checkpoint = run_alone(values, out / "continued", device, console)
        console.print(f"results in {out / 'continued'}, checkpoint {checkpoint}")


def _values(agent: str, model: str, level: str, seed: int) -> dict[str, Any]:
    """Return the settings of a suite of one cloned agent."""
    return {
        "title": f"{agent} on {level}",
        "question": "One cloned agent.",
        "name": f"{agent}-{Path(model).name}-{level}-s{seed}",
        "seeds": 1,
        "first_seed": seed,
        "environment": {"level": level},
        "ppo": {"preset": "small"},
        "agents": [{"agent": agent, "model": model}],
        "protocols": [{"name": "sample-efficiency"}],
    }


def _run(values: dict[str, Any], transitions: int) -> "RunConfig":
    """Return the run that collects: its frames are 0, its environments those of the settings."""
    from glam_eval.config.suite import SuiteConfig

    cloning = {**values["cloning"], "transitions": transitions}
    return SuiteConfig.parse({**values, "cloning": cloning}, source="clone").runs()[0]
