"""The fixed scenes of a protocol: the same for every agent, shift and seed."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

from glam_eval.config.environment import EnvironmentConfig, ToldGoal
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import test_scene_seeds
from glam_eval.environments.audit import balanced_scenes
from glam_eval.environments.catalogue import check_level, make_scenes
from glam_eval.environments.told import can_be_told
from glam_eval.language import parse_shift

_LOOKED_AT = 50  # scenes after which a level that allows none is given up
_CANDIDATES = 20  # scenes looked through for each one wanted; kinds of task are drawn with equal chance


def environment_of(run: RunConfig, condition: ConditionConfig) -> EnvironmentConfig:
    """Return the world that a condition puts a run's agent into: another level, other words, another goal.

    Who is trained without a goal is asked without one, whatever the condition tells.
    """
    world = run.environment
    kept = {} if condition.level else world.options
    return world.changed(
        level=condition.level or world.level,
        options={**kept, **condition.options},
        language=parse_shift(condition.shift).language or world.language,
        shift=condition.shift,
        template=condition.template or world.template,
        goal="told" if condition.goal == "hidden" else condition.goal,
        goal_hidden=world.goal_hidden or condition.goal == "hidden",
    )


def check_scenes(run: RunConfig, protocol: ProtocolConfig, condition: ConditionConfig) -> None:
    """Raise UserError if the scenes of a condition can't be made, or not as many of each kind of task."""
    world = environment_of(run, condition)
    check_level(world.level, world.options)
    if protocol.balanced:
        kinds = getattr(make_scenes(world.level, **world.options), "kinds", ())
        _check_balance(protocol.name, protocol.scenes, world.level, kinds)
    told = world.goal
    if told != "told" and next(_with_goal(told, world.level, world.options, range(_LOOKED_AT)), None) is None:
        raise UserError(_impossible(told, world.level))


def protocol_scenes(protocol: ProtocolConfig, run: RunConfig, condition: ConditionConfig) -> list[int]:
    """Return the scene seeds of a protocol under a condition, in the order they are played.

    Conditions on one level have the same scenes: if one of them tells another goal, all of them play scenes
    in which that can be told. With ``protocol.balanced``, equally many of each kind of task that the level
    has, kinds in turn.

    Raises:
        UserError: if the number of scenes is no multiple of the kinds', the level does not say its kinds, or
            it has too few scenes in which another goal can be told.
    """
    world = environment_of(run, condition)
    place = world.level, world.options
    others = (environment_of(run, each) for each in protocol.conditions)
    goals = {other.goal for other in others if (other.level, other.options) == place} | {world.goal}
    hashable = {n: tuple(value) if isinstance(value, list) else value for n, value in world.options.items()}
    options = tuple(sorted(hashable.items()))
    told = tuple(sorted(goals - {"told"}))
    return list(_scenes(protocol.name, protocol.scenes, protocol.balanced, world.level, options, told))


@cache
def _scenes(
    name: str,
    count: int,
    balanced: bool,
    level: str,
    options: tuple[tuple[str, Any], ...],
    goals: tuple[ToldGoal, ...],
) -> tuple[int, ...]:
    kinds = getattr(make_scenes(level, **dict(options)), "kinds", ())
    if balanced:
        _check_balance(name, count, level, kinds)
    looked_through = _CANDIDATES if balanced or goals else 1
    candidates: Iterable[int] = test_scene_seeds(name, looked_through * count)
    for goal in goals:
        candidates = _with_goal(goal, level, dict(options), candidates)
    if balanced:
        chosen = balanced_scenes(level, kinds, candidates, count // len(kinds), **dict(options))
        return tuple(scene for turn in zip(*chosen.values(), strict=True) for scene in turn)
    scenes = tuple(islice(candidates, count))
    if len(scenes) < count:
        raise UserError(_impossible(" or ".join(goals), level))
    return scenes


def _with_goal(goal: ToldGoal, level: str, options: dict[str, Any], seeds: Iterable[int]) -> Iterator[int]:
    """Yield the scene seeds in which a goal can be told; raises UserError if the first many all lack it."""
    env = make_scenes(level, **options)
    met = False
    for looked_at, seed in enumerate(seeds):
        env.reset(seed=seed)
        if can_be_told(goal, env, seed):
            met = True
            yield seed
        elif not met and looked_at >= _LOOKED_AT:
            raise UserError(_impossible(goal, level))


def _impossible(goals: str, level: str) -> str:
    return f"level {level} has too few scenes whose goal can be {goals}: leave these conditions out"


def _check_balance(name: str, count: int, level: str, kinds: Sequence[str]) -> None:
    if not kinds:
        raise UserError(f"level {level} has one kind of task only: leave balanced out of protocol {name}")
    if count % len(kinds):
        raise UserError(f"protocol {name}: {count} is no multiple of the {len(kinds)} kinds of {level}")
