"""The fixed scenes of a protocol: the same for every agent, shift and seed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import islice

from glam_eval.config.agents import describe_agent
from glam_eval.config.environment import EnvironmentConfig, ToldGoal
from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.config.worlds import check_agent, check_environment, world_of
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import test_scene_seeds
from glam_eval.environments import check_world
from glam_eval.environments.audit import balanced_scenes
from glam_eval.environments.catalogue import make_scenes
from glam_eval.environments.told import can_be_told
from glam_eval.environments.worlds.scenes import can_tell
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
    check_environment(world)
    check_agent(describe_agent(run.agent), run.policy, world)
    check_world(world)
    if protocol.balanced:
        _check_balance(protocol.name, protocol.scenes, world.level, _kinds(world))
    told = world.goal
    if told != "told" and next(_with_goal(told, world, range(_LOOKED_AT)), None) is None:
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
    placed = EnvironmentConfig(level=world.level, options=world.options).canonical_json()
    told = tuple(sorted(goals - {"told"}))
    return list(_scenes(protocol.name, protocol.scenes, protocol.balanced, placed, told))


@cache
def _scenes(
    name: str, count: int, balanced: bool, placed: str, goals: tuple[ToldGoal, ...]
) -> tuple[int, ...]:
    world = EnvironmentConfig.model_validate_json(placed)
    level, kinds = world.level, _kinds(world)
    if balanced:
        _check_balance(name, count, level, kinds)
    looked_through = _CANDIDATES if balanced or goals else 1
    candidates: Iterable[int] = test_scene_seeds(name, looked_through * count)
    for goal in goals:
        candidates = _with_goal(goal, world, candidates)
    if balanced:
        chosen = balanced_scenes(level, kinds, candidates, count // len(kinds), **world.options)
        return tuple(scene for turn in zip(*chosen.values(), strict=True) for scene in turn)
    scenes = tuple(islice(candidates, count))
    if len(scenes) < count:
        raise UserError(_impossible(" or ".join(goals), level))
    return scenes


def _with_goal(goal: ToldGoal, world: EnvironmentConfig, seeds: Iterable[int]) -> Iterator[int]:
    """Yield the scene seeds in which a goal can be told; raises UserError if the first many all lack it."""
    can_have, met = _goals_of(world), False
    for looked_at, seed in enumerate(seeds):
        if can_have(goal, seed):
            met = True
            yield seed
        elif not met and looked_at >= _LOOKED_AT:
            raise UserError(_impossible(goal, world.level))


def _goals_of(world: EnvironmentConfig) -> Callable[[ToldGoal, int], bool]:
    """Return what says whether a goal can be told in a scene of a world."""
    if world_of(world.level):
        return partial(can_tell, world)
    env = make_scenes(world.level, **world.options)

    def can_have(goal: ToldGoal, seed: int) -> bool:
        env.reset(seed=seed)
        return can_be_told(goal, env, seed)

    return can_have


def _kinds(world: EnvironmentConfig) -> Sequence[str]:
    """Return the kinds of task that a level draws from, where it says them."""
    if world_of(world.level):
        return ()
    kinds: Sequence[str] = getattr(make_scenes(world.level, **world.options), "kinds", ())
    return kinds


def _impossible(goals: str, level: str) -> str:
    return f"level {level} has too few scenes whose goal can be {goals}: leave these conditions out"


def _check_balance(name: str, count: int, level: str, kinds: Sequence[str]) -> None:
    if not kinds:
        raise UserError(f"level {level} has one kind of task only: leave balanced out of protocol {name}")
    if count % len(kinds):
        raise UserError(f"protocol {name}: {count} is no multiple of the {len(kinds)} kinds of {level}")
