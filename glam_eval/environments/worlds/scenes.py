"""Scenes of other packages' worlds: whether they can be made, and in which another goal can be told."""

from collections.abc import Iterator

import numpy as np

from glam_eval.config.environment import EnvironmentConfig, ToldGoal
from glam_eval.config.worlds import check_environment, level_in_world, world_of
from glam_eval.core.errors import RunFailedError, UserError
from glam_eval.core.seeds import training_scene_seeds
from glam_eval.core.world import Situation
from glam_eval.environments.interface import TextEnvironment
from glam_eval.environments.worlds.told import ToldEpisode

_FIRST_SCENES = 5  # begun before anything starts


def check_world_level(config: EnvironmentConfig) -> None:
    """Raise a UserError for a level of another package's world in whose first scenes nothing can begin."""
    check_environment(config)
    world = world_of(config.level)
    if world is None:
        return
    for seed in range(_FIRST_SCENES):
        try:
            ToldEpisode(world, level_in_world(config.level), seed, **config.options)
        except RunFailedError as error:
            raise UserError(str(error)) from error


def can_tell(config: EnvironmentConfig, goal: ToldGoal, scene_seed: int) -> bool:
    """Return whether a goal can be told in a scene of another package's world."""
    world = world_of(config.level)
    if world is None:
        return False
    told = ToldEpisode(world, level_in_world(config.level), scene_seed, **config.options)
    return goal == "told" or (goal == "swapped" and bool(told.others))


def longest_episode(config: EnvironmentConfig) -> int:
    """Return the steps of the longest of some first episodes of another package's world."""
    world = world_of(config.level)
    if world is None:
        return 0
    level = level_in_world(config.level)
    begun = [ToldEpisode(world, level, seed, **config.options) for seed in range(_FIRST_SCENES)]
    return max(told.max_steps for told in begun)


def walk(
    environment: TextEnvironment, slots: int, steps: int, draws: np.random.Generator
) -> Iterator[Situation]:
    """Yield the situations of a walk at random in so many slots, on training scenes of seed 0."""
    scenes = [training_scene_seeds(0, slot) for slot in range(slots)]
    for slot, seeds in enumerate(scenes):
        environment.start(slot, next(seeds))
    for _ in range(steps):
        situations = environment.situations()
        yield from situations
        chosen = [int(draws.integers(len(each.actions))) for each in situations]
        for slot, result in enumerate(environment.step(chosen)):
            if result.done:
                environment.start(slot, next(scenes[slot]))
