"""Questions on consequences: the fixed list of a world, the same for every agent and seed.

Items come in groups, within which whatever is not asked about is the same or takes every value equally
often: who looks at the answers alone, at their places, at the moment without the action or at the goal
without the moment is right exactly as often as chance (``tests/protocols/test_consequences.py``).
"""

from collections.abc import Callable, Iterator
from functools import cache

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.protocols import Consequence
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import test_scene_seeds
from glam_eval.protocols.consequences.goals import reached_groups, shorter_groups
from glam_eval.protocols.consequences.outcomes import outcome_groups
from glam_eval.protocols.consequences.question import Item

Groups = Callable[[EnvironmentConfig, list[int]], Iterator[list[Item]]]
_LOOKED_AT = 100  # scenes for each group wanted, after which a level is given up


def make_items(world: EnvironmentConfig, count: int) -> tuple[Item, ...]:
    """Return at least so many items of each kind, in whole groups, as a world's agents read prompts.

    Scenes are test scenes, which no training episode plays.

    Raises:
        UserError: if the level has too few scenes of which a kind can be asked.
    """
    return _made(world.canonical_json(), count)


@cache
def _made(world_json: str, count: int) -> tuple[Item, ...]:
    world = EnvironmentConfig.model_validate_json(world_json)
    kinds: dict[Consequence, Groups] = {
        "observation": outcome_groups,
        "reached": reached_groups,
        "shorter": shorter_groups,
    }
    return tuple(item for kind, groups in kinds.items() for item in _enough(kind, groups, world, count))


def _enough(kind: Consequence, groups: Groups, world: EnvironmentConfig, count: int) -> list[Item]:
    """Return items of whole groups until there are ``count``."""
    found: list[Item] = []
    for group in groups(world, test_scene_seeds(f"consequences/{kind}", _LOOKED_AT * count)):
        found += group
        if len(found) >= count:
            return found
    raise UserError(
        f"level {world.level} has too few scenes in which protocol consequences can ask of {kind!r}: "
        "leave it out, or take a level with two things to name"
    )
