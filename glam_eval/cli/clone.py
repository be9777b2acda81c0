"""``glam-eval clone``: demonstrations of the bot or of a trained agent, and an agent that imitates them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glam_eval.cli.computing import computing

if TYPE_CHECKING:
    from glam_eval.core.console import Console


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("clone")(clone)


@computing
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
        int | None, typer.Option(min=0, help="Demonstrations to learn from; 0 for none. [default: each once]")
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

    `glam-eval clone results/quick/checkpoints/RUN/frames-0000020480 --out bc --set environment.remembered=1`

    `glam-eval clone bot --out results/mixed --random-fraction 0.5 --transitions 10000 --frames 0`

    `glam-eval clone results/mixed --out results/from-mixed --then-frames 51200`
    """
    from glam_eval.config.agents import DEFAULT_AGENT, agents_where, cloning_agent
    from glam_eval.config.overrides import apply_overrides
    from glam_eval.core.console import Console
    from glam_eval.core.files import names_directory, refuse_links
    from glam_eval.execution.demonstrations import describe_demonstrations

    console = Console(soft_wrap=True)
    refuse_links(out)
    stored, is_stored = Path(source), names_directory(Path(source) / "demonstrations")
    (expert,) = agents_where(bound="ceiling")
    of_expert = describe_demonstrations(stored)[1] if is_stored else source == expert
    agent = cloning_agent(expert if of_expert else DEFAULT_AGENT)
    values = apply_overrides(_values(agent, model, level, seed), settings or [])
    if not is_stored:
        asked = {"source": source, "random_fraction": random_fraction, "transitions": transitions or 51_200}
        _collect(values, asked, out, device, console)
        stored, transitions = out, None
    frames = frames if frames is not None else transitions or describe_demonstrations(stored)[0]
    if frames:
        cloning = {**values.get("cloning", {}), "source": str(stored)}
        cloning |= {"transitions": transitions} if transitions else {}
        cloned = _train(values | {"frames": frames, "cloning": cloning}, out / "cloned", device, console)
        if then_frames:
            online = {"frames": then_frames, "agents": [{"agent": DEFAULT_AGENT, "model": str(cloned)}]}
            _train(values | online, out / "continued", device, console)


def _train(values: dict[str, Any], out: Path, device: str, console: "Console") -> Path:
    """Carry out a suite of one run and say where its results are; return its last checkpoint."""
    from glam_eval.config.loading import make_suite
    from glam_eval.suites.run import run_alone

    checkpoint = run_alone(make_suite(values), out, device, console)
    console.print(f"results in {out}, checkpoint {checkpoint}")
    return checkpoint


def _collect(
    values: dict[str, Any], asked: dict[str, Any], out: Path, device: str, console: "Console"
) -> None:
    """Store the demonstrations that are asked for; the environments are those of the settings."""
    from glam_eval.config.demonstrations import DemonstrationsConfig
    from glam_eval.config.loading import make_suite
    from glam_eval.core.errors import UserError
    from glam_eval.core.progress_bars import progress_bars
    from glam_eval.execution.demonstrations import DemonstrationsRun
    from glam_eval.execution.progress import Progress
    from glam_eval.policies.devices import available_devices
    from glam_eval.suites.validation import validate

    suite = make_suite(values | {"cloning": {**values.get("cloning", {}), **asked}})
    validate(suite)
    config = suite.graph[0].config
    if not isinstance(config, DemonstrationsConfig):  # the run of a teacher
        raise UserError(f"{asked['source']!r} has to be trained first: give bot, a checkpoint or a directory")
    with progress_bars(console) as bars:
        bar = bars.add_task(f"{asked['source']} plays", total=config.transitions, status="")

        def show(progress: Progress) -> None:
            rate = f"{progress.frames_per_second:,.0f} steps/s"
            bars.update(bar, completed=progress.frames, status=rate)

        run = DemonstrationsRun(config, "", out, available_devices(device)[0], show, lambda: False)
        run.carry_out()
    left_out = f" ({run.left_out})" if run.left_out else ""
    console.print(f"demonstrations in {out / 'demonstrations'}{left_out}")


def _values(agent: str, model: str, level: str, seed: int) -> dict[str, Any]:
    """Return the settings of a suite of one cloned agent."""
    from glam_eval.config.worlds import level_in_files

    return {
        "title": f"{agent} on {level}",
        "question": "One cloned agent.",
        "name": f"{agent}-{Path(model).name}-{level_in_files(level)}-s{seed}",
        "seeds": 1,
        "first_seed": seed,
        "environment": {"level": level},
        "ppo": {"preset": "small"},
        "agents": [{"agent": agent, "model": model}],
        "protocols": [{"name": "sample-efficiency"}],
    }
