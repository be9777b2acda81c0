"""Worlds of other packages by name, and what can be asked of agents in them: prompts and actions in words.

A level of such a world is named ``<world>/<level>``; all others are BabyAI-Text's. A world joins through the
entry-point group ``glam_eval.environments``: an entry point named as the world, whose object is a ``World``.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING, Any

from glam_eval.core.entry_points import entry_names, load_entry
from glam_eval.core.errors import UserError, described, shortened, unknown

if TYPE_CHECKING:
    from glam_eval.config.agents import Agent
    from glam_eval.config.environment import EnvironmentConfig
    from glam_eval.config.policy import PolicyConfig

ENTRY_POINTS = "glam_eval.environments"
MARK = "/"  # between the world and its level
_NAME = re.compile(r"\w[\w.-]*", re.ASCII)  # of levels, which names of files hold


@dataclass(frozen=True, slots=True)
class World:
    """A world of another package.

    Attributes:
        name: what levels of it begin with.
        description: what it is, in a few words.
        levels: what each level asks for, in a line, by the level's name.
        begin: what begins an episode, as a function or ``"module:function"``; called with the level's name,
            the scene's seed and the level's options by name. It returns an
            ``environments.worlds.episode.WorldEpisode``; equal arguments give equal episodes.
        options: names of the options that levels take.
        language: that it is told in, one of the project's: the prompt's own words are of it.
        has_expert: whether every episode has an expert to ask (``worlds.episode.AdvisedEpisode``).
        has_other_goals: whether every scene has goals beside its own (``worlds.episode.ManyGoalsEpisode``),
            so that another can be told.
        packages: whose versions its episodes depend on, beside its own package's.
    """

    name: str
    description: str
    levels: Mapping[str, str]
    begin: Callable[..., Any] | str
    options: frozenset[str] = frozenset()
    language: str = "en"
    has_expert: bool = False
    has_other_goals: bool = False
    packages: tuple[str, ...] = ()

    def begins(self) -> Callable[..., Any]:
        """Return what begins an episode."""
        if not isinstance(self.begin, str):
            return self.begin
        module, _, name = self.begin.partition(":")
        try:
            found: Callable[..., Any] = getattr(import_module(module), name)
        except (Exception, SystemExit) as error:  # others' code, and the packages that it needs
            raise UserError(
                f"world {self.name!r}: {self.begin!r} can't be loaded: {described(error)}"
            ) from error
        return found


def world_names() -> list[str]:
    """Return the names of the worlds of installed packages."""
    return entry_names(ENTRY_POINTS)


def describe_world(name: str) -> World:
    """Return a world's entry.

    Raises:
        UserError: if there is no such world, or its entry point holds none.
    """
    if not world_names():
        raise UserError(f"unknown world {name!r}: no package with worlds is installed")
    world, where = load_entry("world", ENTRY_POINTS, name)
    if not isinstance(world, World) or world.name != name:
        raise UserError(f"{where} must be a World of that name")
    for level in world.levels:
        if not _NAME.fullmatch(level):
            raise UserError(f"{where}: level {shortened(level)}: names have letters, digits, - _ . alone")
    return world


def world_of(level: str) -> World | None:
    """Return the world of a level by its name, None for BabyAI-Text's; raises UserError for no such world."""
    name, mark, _ = level.partition(MARK)
    return describe_world(name) if mark else None


def package_versions_of(level: str) -> dict[str, str]:
    """Return the versions of the packages of a level's world, by name; none of BabyAI-Text's."""
    world = world_of(level)
    if world is None:
        return {}
    (point, *_) = entry_points(group=ENTRY_POINTS, name=world.name)
    versions = {point.dist.name: point.dist.version} if point.dist else {}
    for package in world.packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def level_in_files(level: str) -> str:
    """Return a level's name as names of files hold it."""
    return level.replace(MARK, ".")


def level_in_world(level: str) -> str:
    """Return a level's name within its world.

    Raises:
        UserError: if the world has no such level.
    """
    world, name = world_of(level), level.partition(MARK)[2]
    if world is None or name not in world.levels:
        levels = world.levels if world else ()
        raise unknown("level", level, (f"{level.partition(MARK)[0]}{MARK}{each}" for each in levels))
    return name


def check_environment(environment: "EnvironmentConfig") -> None:
    """Raise a UserError for settings of BabyAI-Text alone, at a level of another world."""
    level, world = environment.level, world_of(environment.level)
    if world is None:
        return
    level_in_world(level)
    for option in environment.options:
        if not world.options:
            raise UserError(f"level {level} has no options: leave {option!r} out")
        if option not in world.options:
            raise unknown(f"option of level {level}", option, world.options)
    if environment.language != world.language:
        raise UserError(
            f"level {level} is told in {world.language!r}: leave language {environment.language!r} out"
        )
    if environment.shift != "none":
        raise UserError(
            f"level {level} has words of its own, which no shift replaces: leave {environment.shift!r} out"
        )
    if environment.actions != type(environment).model_fields["actions"].default:
        raise UserError(f"level {level} says itself which actions there are: leave environment.actions out")
    if environment.goal == "absent":
        raise UserError(f"level {level} does not say what is absent from a scene: leave such goals out")
    if environment.goal == "swapped" and not world.has_other_goals:
        raise UserError(f"scenes of {level} have no goals beside their own: leave swapped ones out")


def check_agent(agent: "Agent", policy: "PolicyConfig | None", environment: "EnvironmentConfig") -> None:
    """Raise a UserError where an agent can't act in the world of its level."""
    world = world_of(environment.level)
    if world is None:
        return
    if agent.needs == "grid":
        raise UserError(f"agent {agent.name!r} acts in BabyAI-Text alone, not at {environment.level}")
    if agent.needs == "expert" and not world.has_expert:
        raise UserError(f"agent {agent.name!r} needs an expert, and world {world.name!r} has none")
    if policy is not None and policy.action_choice == "head":
        raise UserError(
            f"agent {agent.name!r} has an action head, which needs the same actions at every step: at "
            f"{environment.level} they differ, take an agent that scores actions"
        )
