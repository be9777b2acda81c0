"""The environments of a configured world: BabyAI-Text's, or those of another package's world."""

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.worlds import world_of
from glam_eval.environments.catalogue import check_level
from glam_eval.environments.interface import TextEnvironment
from glam_eval.environments.vector import make_babyai_text
from glam_eval.environments.worlds.environment import WorldEnvironment
from glam_eval.environments.worlds.scenes import check_world_level
from glam_eval.language import speaker


def make_environment(world: EnvironmentConfig, slots: int) -> TextEnvironment:
    """Return the environments of a world as it is configured.

    Raises:
        UserError: for unknown names.
    """
    return WorldEnvironment(world, slots) if world_of(world.level) else make_babyai_text(world, slots)


def check_world(world: EnvironmentConfig) -> None:
    """Raise a UserError for a level that can't be made, or allows so few scenes that a run would fail."""
    if world_of(world.level):
        check_world_level(world)
    else:
        check_level(world.level, world.options)


def offered_actions(world: EnvironmentConfig) -> tuple[str, ...]:
    """Return the actions that are offered at every step; none where each situation says its own."""
    return () if world_of(world.level) else speaker(world.language, world.shift).actions(world.actions)
