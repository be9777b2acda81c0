"""``glam-eval play``: a person, or an agent, plays a level in the terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from glam_eval.core.world import GridSnapshot, Situation
    from glam_eval.environments import TextEnvironment

Choose = Callable[["Situation"], int | None]  # the index of an action, or None to stop

_SYMBOLS = {"wall": "██", "door": "▯▯", "key": "⚷ ", "ball": "● ", "box": "■ "}
_AGENT = ("▶ ", "▼ ", "◀ ", "▲ ")  # MiniGrid's directions: right, down, left, up


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("play")(play)


def play(
    level: Annotated[str, typer.Argument(help="Level (see `glam-eval envs`).")] = "GoToLocal",
    agent: Annotated[str, typer.Option(help="human, bot, random or a checkpoint directory.")] = "human",
    seed: Annotated[int, typer.Option(min=0, help="Scene; equal seeds are equal scenes.")] = 0,
    language: Annotated[str, typer.Option(help="Language of goal and observations.")] = "en",
    shift: Annotated[str, typer.Option(help="Lexical shift, for instance invented_nouns.")] = "none",
    actions: Annotated[str, typer.Option(help="restricted, canonical or augmented.")] = "canonical",
    picture: Annotated[bool, typer.Option("--picture", help="Show the grid as well.")] = False,
) -> None:
    """Play a scene in words: read the goal and what is seen, choose an action by its number.

    Examples:

    `glam-eval play GoToLocalS5N2`

    `glam-eval play MixedTrainLocal --agent bot --language ro --seed 7 --picture`
    """
    from glam_eval.core.console import Console

    console = Console(soft_wrap=True)
    choose: Callable[[Situation], int | None] = _ask
    told = {"actions": actions}
    if agent != "human":
        choose, told = _agent(agent, level, actions, seed)
    world = _world(level, {"language": language, "shift": shift, **told}, picture)
    world.start(0, seed)
    console.print(f"Goal: {world.situations()[0].observation.mission}")
    done = False
    while not done:
        situation = world.situations()[0]
        if picture:
            console.print(draw(world.snapshot(0)))
        console.print("\n".join(situation.observation.sentences))
        action = choose(situation)
        if action is None:
            return
        console.print(f"> {situation.actions[action]}")
        done = world.step([action])[0].done
    summary = world.summary(0)
    outcome = "Goal reached" if summary.success else "Goal not reached"
    console.print(f"{outcome} after {summary.length} steps, return {summary.episode_return:.3f}")


def _world(level: str, told: dict[str, Any], picture: bool) -> "TextEnvironment":
    """Return the environment that is played in."""
    from glam_eval.config.environment import EnvironmentConfig
    from glam_eval.config.worlds import world_of
    from glam_eval.core.errors import UserError
    from glam_eval.environments import VectorEnvironment, check_world, make_environment

    if not world_of(level):
        return VectorEnvironment(level, 1, **told)
    if picture:
        raise UserError(f"level {level} is told, not drawn: leave --picture out")
    config = EnvironmentConfig.parse({"level": level, **told}, source="play")
    check_world(config)
    return make_environment(config, 1)


def _ask(situation: "Situation") -> int | None:
    """Ask a person until the answer is an action's number or phrase; None when they quit."""
    offered = "  ".join(f"{number} {phrase}" for number, phrase in enumerate(situation.actions, start=1))
    print(f"{offered}  (? advice, q quit)")
    while True:
        try:
            answer = input("> ").strip()
        except EOFError:
            return None
        if answer == "q":
            return None
        if answer == "?":
            print(f"the bot would: {situation.actions[situation.expert_action()]}")
        elif answer in situation.actions:
            return situation.actions.index(answer)
        elif answer.isdecimal() and 1 <= int(answer) <= len(situation.actions):
            return int(answer) - 1
        else:
            print(f"1 to {len(situation.actions)}, ? or q")


def _agent(name: str, level: str, actions: str, seed: int) -> tuple[Choose, dict[str, Any]]:
    """Return an agent's choice, sampled from its policy, and how its prompts are made.

    A checkpoint's are those it was trained with. Raises UserError for an unknown agent.
    """
    import torch

    from glam_eval.config.agents import agents_where, describe_agent
    from glam_eval.config.environment import EnvironmentConfig
    from glam_eval.config.run import RunConfig
    from glam_eval.config.worlds import check_agent, world_of
    from glam_eval.core.errors import unknown
    from glam_eval.core.files import names_directory
    from glam_eval.core.seeds import stream
    from glam_eval.language import speaker
    from glam_eval.policies.base import sample_actions
    from glam_eval.training.agents import build_policy
    from glam_eval.training.checkpoints import read_checkpoint

    directory = Path(name) if names_directory(name) else None
    references = agents_where(role="reference")
    if directory is None and name not in references:
        raise unknown("agent (or checkpoint directory)", name, ["human", *references])
    values = read_checkpoint(directory).state["config"] if directory else {"agent": name}
    config = RunConfig.parse(values, source=name)
    check_agent(describe_agent(config.agent), config.policy, EnvironmentConfig(level=level))
    trained = config.environment
    told: dict[str, Any] = {"actions": actions}
    if directory:
        kept = ("actions", "template", "remembered", "goal_hidden")
        told = {name: getattr(trained, name) for name in kept}
    offered = 0 if world_of(level) else len(speaker().actions(told["actions"]))
    policy = build_policy(config, offered, "cpu", directory)
    draws, memory = stream(seed, "play"), None

    def choose(situation: "Situation") -> int:
        """Draw an action from the policy, which remembers what came before."""
        nonlocal memory
        with torch.no_grad():
            output = policy.evaluate([policy.prepare(situation)], memory)
        memory = output.memory
        return int(sample_actions(output.log_probabilities.numpy(), draws.random(1))[0])

    return choose, told


def draw(snapshot: "GridSnapshot") -> "Text":
    """Return the grid as lines of two characters a cell."""
    import numpy as np
    from minigrid.core.constants import IDX_TO_COLOR, IDX_TO_OBJECT
    from rich.text import Text

    cells = np.frombuffer(snapshot.grid, np.uint8).reshape(snapshot.width, -1, 3)
    shades = {"purple": "magenta", "grey": "bright_black"}
    drawn = Text()
    for y in range(cells.shape[1]):
        for x in range(snapshot.width):
            kind, color, state = (int(number) for number in cells[x, y])
            shade = shades.get(IDX_TO_COLOR[color], IDX_TO_COLOR[color])
            symbol = _SYMBOLS.get(IDX_TO_OBJECT[kind], "  ")
            if IDX_TO_OBJECT[kind] == "door" and state == 0:
                symbol = "▕ "
            if (x, y) == (snapshot.agent_x, snapshot.agent_y):
                symbol, shade = _AGENT[snapshot.agent_direction], "bright_red"
            drawn.append(symbol, shade)
        drawn.append("\n")
    drawn.rstrip()
    return drawn
