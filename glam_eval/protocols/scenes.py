"""The fixed scenes of a protocol: the same for every agent, shift and seed."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import test_scene_seeds
from glam_eval.environments.audit import balanced_scenes
from glam_eval.environments.catalogue import make_scenes
from glam_eval.language import parse_shift

_CANDIDATES = 20  # scenes looked through for each one wanted; kinds of task are drawn with equal chance


def environment_of(run: RunConfig, condition: ConditionConfig) -> EnvironmentConfig:
    """Return the world that a condition puts a run's agent into: another level, other words, or both."""
    world = run.environment
    kept = {} if condition.level else world.options
    return world.changed(
        level=condition.level or world.level,
        options={**kept, **condition.options},
        language=parse_shift(condition.shift).language or world.language,
        shift=condition.shift,
    )


def check_scenes(run: RunConfig, protocol: ProtocolConfig, condition: ConditionConfig) -> None:
    """Raise UserError if the scenes of a condition can't be made, or not as many of each kind of task."""
    world = environment_of(run, condition)
    scenes = make_scenes(world.level, **world.options)
    scenes.reset(seed=0)
    if protocol.balanced:
        _check_balance(protocol.name, protocol.scenes, world.level, getattr(scenes, "kinds", ()))


def protocol_scenes(protocol: ProtocolConfig, level: str, options: dict[str, Any]) -> list[int]:
    """Return the scene seeds of a protocol on a level, in the order they are played.

    With ``protocol.balanced``, equally many of each kind of task that the level has, kinds in turn; raises
    UserError if the number of scenes is no multiple of theirs, or the level does not say its kinds.
    """
    if not protocol.balanced:
        return test_scene_seeds(protocol.name, protocol.scenes)
    hashable = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    return list(_balanced(protocol.name, protocol.scenes, level, tuple(sorted(hashable.items()))))


@cache
def _balanced(name: str, count: int, level: str, options: tuple[tuple[str, Any], ...]) -> tuple[int, ...]:
    kinds = getattr(make_scenes(level, **dict(options)), "kinds", ())
    _check_balance(name, count, level, kinds)
    candidates = test_scene_seeds(name, _CANDIDATES * count)
    chosen = balanced_scenes(level, kinds, candidates, count // len(kinds), **dict(options))
    return tuple(scene for turn in zip(*chosen.values(), strict=True) for scene in turn)


def _check_balance(name: str, count: int, level: str, kinds: Sequence[str]) -> None:
    if not kinds:
        raise UserError(f"level {level} has one kind of task only: leave balanced out of protocol {name}")
    if count % len(kinds):
        raise UserError(f"protocol {name}: {count} is no multiple of the {len(kinds)} kinds of {level}")
