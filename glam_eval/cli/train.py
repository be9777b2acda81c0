"""``glam-eval train``: one run."""

from pathlib import Path
from typing import Annotated

import typer

from glam_eval.cli.computing import computing
from glam_eval.config.agents import DEFAULT_AGENT


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("train")(train)


@computing
def train(
    agent: Annotated[str, typer.Option(help="Agent of the study, for instance gflan.")] = DEFAULT_AGENT,
    model: Annotated[
        str | None,
        typer.Option(help="Embedded model, directory or Hugging Face name. [default: t5-nano, if any]"),
    ] = None,
    level: Annotated[str, typer.Option(help="Level (see `glam-eval envs`).")] = "GoToLocalS5N2",
    language: Annotated[str, typer.Option(help="Language of goal and observations.")] = "en",
    frames: Annotated[int, typer.Option(min=1, help="Environment steps to train for.")] = 51_200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the run.")] = 0,
    preset: Annotated[str, typer.Option(help="Settings of PPO to start from: paper or small.")] = "small",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, dotted keys, for instance ppo.clip=0.1.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of results. [default: results/RUN]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Train one agent from one seed and evaluate it along the way; again to resume.

    Examples:

    `glam-eval train --model t5-pico --level GoToLocalS5N2 --set ppo.learning_rate=1e-3`

    `glam-eval train --agent symbolic-ppo --preset paper`
    """
    from glam_eval.config.agents import describe_agent
    from glam_eval.config.loading import make_suite
    from glam_eval.config.worlds import level_in_files
    from glam_eval.core.console import Console
    from glam_eval.suites.run import run_alone

    model = model or ("t5-nano" if describe_agent(agent).uses_model else "none")
    suite = make_suite(
        {
            "title": f"{agent} on {level}",
            "question": "One run.",
            "name": "-".join(
                [agent, *([Path(model).name] if model != "none" else []), level_in_files(level), f"s{seed}"]
            ),
            "seeds": 1,
            "first_seed": seed,
            "frames": frames,
            "environment": {"level": level, "language": language},
            "ppo": {"preset": preset},
            "agents": [{"agent": agent, "model": model}],
            "protocols": [{"name": "sample-efficiency"}],
        },
        settings or [],
    )
    directory = out or Path("results") / suite.name
    console = Console()
    checkpoint = run_alone(suite, directory, device, console)
    console.print(f"results in {directory}, checkpoint {checkpoint}", soft_wrap=True)
