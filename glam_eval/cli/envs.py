"""``glam-eval envs``: the levels, a sample episode of one, and what its training stream asks for."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glam_eval.core.console import Console


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("envs")(envs)


def envs(
    level: Annotated[str | None, typer.Argument(help="Level to describe.")] = None,
    language: Annotated[str, typer.Option(help="Language of goal and observations.")] = "en",
    shift: Annotated[str, typer.Option(help="Lexical shift, for instance invented_nouns.")] = "none",
    seed: Annotated[int, typer.Option(min=0, help="Scene of the sample episode.")] = 0,
    audit: Annotated[
        int | None, typer.Option(min=1, help="Audit so many training episodes for held-out things instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list, or one level, as JSON.")] = False,
) -> None:
    """List the levels, or describe one with an episode that the expert plays, as text.

    Room size and number of objects can vary: `GoToLocalS5N2` is a 5x5 room, walls included, with 2 objects.

    Examples:

    `glam-eval envs`

    `glam-eval envs BossLevel --language de --seed 3`

    `glam-eval envs MixedTrainLocal --audit 1000`
    """
    from glam_eval.core.console import Console

    console = Console()
    if as_json:
        _print_json(level)
    elif level is None:
        _list(console)
    elif audit is not None:
        _audit(console, level, audit)
    else:
        _describe(console, level)
        _sample(console, level, language, shift, seed)


def _list(console: "Console") -> None:
    from rich.text import Text

    from glam_eval.core.console import Table
    from glam_eval.environments import PAPER_LEVELS, level_names, level_text

    table = Table("level", "of the paper", "what")
    for name in level_names():
        table.add_row(name, "yes" if name in PAPER_LEVELS else "", Text(level_text(name)))
    for name, text in _of_packages():
        table.add_row(Text(name), "", Text(text))
    console.print(table)


def _of_packages() -> "Iterator[tuple[str, str]]":
    """Yield the levels of installed packages' worlds, with what each asks for."""
    from glam_eval.config.worlds import MARK, describe_world, world_names

    for name in world_names():
        for level, text in describe_world(name).levels.items():
            yield f"{name}{MARK}{level}", text


def _print_json(level: str | None) -> None:
    from dataclasses import asdict

    from glam_eval.core.console import print_json
    from glam_eval.environments import PAPER_LEVELS, describe_level, level_names, level_text

    if level is not None:
        print_json(_facts_of_world(level) or asdict(describe_level(level)))
        return
    levels = [(name, level_text(name)) for name in level_names()] + list(_of_packages())
    print_json([{"level": n, "of_the_paper": n in PAPER_LEVELS, "what": text} for n, text in levels])


def _facts_of_world(level: str) -> dict[str, object]:
    """Return what a level of another package's world is; nothing for BabyAI-Text's."""
    from glam_eval.config.worlds import level_in_world, world_of

    world = world_of(level)
    if world is None:
        return {}
    return {
        "name": level,
        "text": world.levels[level_in_world(level)],
        "world": world.description,
        "language": world.language,
        "options": sorted(world.options),
        "expert": world.has_expert,
        "other goals": world.has_other_goals,
    }


def _describe(console: "Console", level: str) -> None:
    from glam_eval.environments import describe_level

    if of_world := _facts_of_world(level):
        console.print("\n".join(f"{name}: {fact}" for name, fact in of_world.items()))
        return
    described = describe_level(level)
    console.print(f"{described.name}: {described.text}")
    facts = {
        "rooms": ", ".join(map(str, described.rooms)),
        "room size": f"{described.room_size} x {described.room_size} cells, walls included",
        "steps at most": ", ".join(map(str, described.max_steps)),
        "kinds of task": ", ".join(described.kinds),
        "goals": "; ".join(described.missions[:4]),
    }
    for name, fact in facts.items():
        console.print(f"  {name}: {fact}")


def _sample(console: "Console", level: str, language: str, shift: str, seed: int) -> None:
    from glam_eval.config.environment import EnvironmentConfig
    from glam_eval.config.worlds import world_of
    from glam_eval.environments import check_world, make_environment

    told = {"level": level, "language": language, "shift": shift}
    config = EnvironmentConfig.parse(told, source="envs")
    check_world(config)
    of_package = world_of(level)
    if of_package and not of_package.has_expert:
        return
    world, who = make_environment(config, 1), "its expert" if of_package else "BabyAI's bot"
    world.start(0, seed)
    situation = world.situations()[0]
    lines = ["", f"Scene {seed}, played by {who}", f"Goal: {situation.observation.mission}"]
    done = False
    while not done:
        lines += (f"  {sentence}" for sentence in situation.observation.sentences)
        action = situation.expert_action()
        lines.append(f"> {situation.actions[action]}")
        done = world.step([action])[0].done
        situation = world.situations()[0]
    summary = world.summary(0)
    outcome = "reached" if summary.success else "not reached"
    lines.append(f"Goal {outcome} after {summary.length} steps, return {summary.episode_return:.3f}")
    console.print("\n".join(lines), soft_wrap=True)


def _audit(console: "Console", level: str, episodes: int) -> None:
    from glam_eval.core.console import Table
    from glam_eval.environments.audit import leakage_audit

    report = leakage_audit(level, episodes)
    console.print(f"{episodes:,} training episodes of {level}; held out: {', '.join(report.held_out)}")
    if not report.leaks:
        console.print("none of them occurs")
        return
    table = Table("held out", "kind", "episodes", "first scene", "goal")
    for leak in report.leaks:
        table.add_row(leak.name, leak.kind, str(leak.episodes), str(leak.scene_seed), leak.mission)
    console.print(table)
