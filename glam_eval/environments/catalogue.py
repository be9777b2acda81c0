"""The levels by name: the paper's, their variants by size and number of objects, and all of MiniGrid's."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

import gymnasium
import minigrid  # noqa: F401  # registers MiniGrid's levels with gymnasium
from minigrid.envs.babyai.core.roomgrid_level import RoomGridLevel
from minigrid.envs.babyai.open import OpenDoor

from glam_eval.config.worlds import world_of
from glam_eval.core.errors import UserError, shortened, unknown
from glam_eval.environments.goals import instruction_of, task_of
from glam_eval.environments.levels import MIXED_KINDS, LocalLevel
from glam_eval.environments.probes import PROBES_LEVEL, DrawnLevel
from glam_eval.environments.scenes import MAX_DRAWS, Scene, scene_class


@dataclass(frozen=True)
class Level:
    """A level: its class, the arguments that make it, and what it asks for."""

    name: str
    level_class: type
    arguments: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class LevelDescription:
    """What a level is, for people."""

    name: str
    text: str
    max_steps: tuple[int, ...]  # T; several where it depends on the task
    room_size: int  # cells, walls included
    rooms: tuple[int, ...]  # number of rooms; several where it depends on the task
    kinds: tuple[str, ...]  # tasks met in the first scenes
    missions: tuple[str, ...]  # of the first scenes


_OWN_LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level(
            "PickupLocal",
            LocalLevel,
            {"kinds": ("pickup",), "split": "all", "num_dists": 8},
            "pick up one object; 8 objects in one room",
        ),
        Level(
            "MixedTrainLocal",
            LocalLevel,
            {"kinds": MIXED_KINDS, "split": "train"},
            "one of five kinds of task, never mentioning the held-out pairs",
        ),
        Level(
            "MixedTestLocal",
            LocalLevel,
            {"kinds": MIXED_KINDS, "split": "test"},
            "the five kinds of task of MixedTrainLocal with only the held-out pairs",
        ),
        Level(
            "PickUpSeqPickUpLocal",
            LocalLevel,
            {"kinds": ("pickup_then_pickup",)},
            "pick up A, then pick up B, or B after A: a composition that MixedTrainLocal never asks for",
        ),
        Level(
            "PickUpSeqGoToLocal",
            LocalLevel,
            {"kinds": ("pickup_then_goto",)},
            "pick up A, then go to B, or B after A",
        ),
        Level(
            "PickUpThenGoToLocal",
            LocalLevel,
            {"kinds": ("pickup_then_goto",), "orders": ("then",)},
            "pick up A, then go to B",
        ),
        Level(
            "GoToAfterPickUpLocal",
            LocalLevel,
            {"kinds": ("pickup_then_goto",), "orders": ("after",)},
            "go to B after you pick up A",
        ),
        Level(
            "StrictGoToLocal",
            LocalLevel,
            {"kinds": ("goto",), "split": "all", "num_dists": 8, "strict": True},
            "walk into one of 8 objects in one room; walking into another ends the episode",
        ),
        Level(
            "StrictPickupLocal",
            LocalLevel,
            {"kinds": ("pickup",), "split": "all", "num_dists": 8, "strict": True},
            "pick up one of 8 objects in one room; picking up another ends the episode",
        ),
        Level(
            "StrictPutNextLocal",
            LocalLevel,
            {"kinds": ("putnext",), "split": "all", "num_dists": 8, "strict": True},
            "put one of 8 objects next to another; lifting or putting anything else ends the episode",
        ),
        Level(
            "StrictOpenDoor",
            OpenDoor,
            {"debug": True, "select_by": "color"},
            "open the door of one colour, of four; toggling another ends the episode",
        ),
        Level(
            "TimedGoToLocal",
            LocalLevel,
            {"kinds": ("goto",), "split": "all", "num_dists": 8, "time_factor": 1.5},
            "go to one of 8 objects in one room in one and a half times the steps of BabyAI's bot",
        ),
        Level(PROBES_LEVEL, DrawnLevel, text="small drawn situations with one right thing to do"),
    )
}
_MINIGRID_TEXTS = {
    "GoToLocal": "go to one object; N objects (8 if not said) in one room",
    "PutNextLocal": "put one object next to another; N different objects (8 if not said) in one room",
    "UnlockLocal": "open a locked door of the middle of 3x3 rooms with the key beside the agent",
}
PAPER_LEVELS = (
    "GoToLocal", "GoToLocalN4", "GoToLocalN16", "PutNextLocal", "UnlockLocal", "PickupLocal",
    "MixedTrainLocal", "MixedTestLocal", "PickUpSeqPickUpLocal", "PickUpSeqGoToLocal",
    "PickUpThenGoToLocal", "GoToAfterPickUpLocal",
)  # fmt: skip
SMALL_LEVELS = ("PickupLocalS5N2", "PickUpSeqPickUpLocalS5N2")  # beside MiniGrid's own, such as GoToLocalS5N2

_VARIANT = re.compile(r"(?P<base>.+?Local)(?:S(?P<size>\d+))?(?:N(?P<count>\d+))?")
_NAME_DIGITS = 3
# A grid's time and memory grow with the square of its side; MiniGrid's own are at most 22 cells wide.
_LARGEST = {"room_size": 50, "num_rows": 20, "num_cols": 20, "num_dists": 999, "num_objs": 999}
# Scenes that take a twentieth of the draws they may on average: one in exp(20) takes too many, in no run.
_FIRST_SCENES, _FIRST_DRAWS = 10, MAX_DRAWS // 2
_GYM_ID = re.compile(r"BabyAI-(?P<name>\w+)-v\d+")


@lru_cache(maxsize=1)
def _minigrid_levels() -> dict[str, Level]:
    """Return MiniGrid's BabyAI levels by their ids without ``BabyAI-`` and the version."""
    levels = {}
    for spec in gymnasium.registry.values():
        match = _GYM_ID.fullmatch(spec.id)
        if match and isinstance(spec.entry_point, str):
            module, _, class_name = spec.entry_point.partition(":")
            level_class = getattr(import_module(module), class_name)
            name = match["name"]
            variant = _VARIANT.fullmatch(name)
            text = _MINIGRID_TEXTS.get(variant["base"] if variant else name) or _first_sentence(level_class)
            levels[name] = Level(name, level_class, dict(spec.kwargs), text)
    return levels


def _first_sentence(level_class: type) -> str:
    """Return the first paragraph of MiniGrid's description of a level as one line."""
    documentation = inspect.getdoc(level_class) or ""
    body = documentation.partition("## Description")[2].strip() or documentation
    return " ".join(body.partition("\n\n")[0].split()).removesuffix(".")


def level_names() -> list[str]:
    """Return every named level: the paper's, our others, MiniGrid's; more vary their size and count."""
    others = sorted(set(_minigrid_levels()) - set(PAPER_LEVELS))
    return list(dict.fromkeys([*PAPER_LEVELS, *SMALL_LEVELS, *_OWN_LEVELS, *others]))


@cache
def find_level(name: str) -> Level:
    """Return a level by name, variants such as ``GoToLocalS5N2`` included.

    Raises:
        UserError: if there is none of this name.
    """
    if world_of(name):
        raise UserError(f"level {name} is of another package's world: this asks for one of BabyAI-Text's")
    if name in _OWN_LEVELS:
        return _OWN_LEVELS[name]
    if name in _minigrid_levels():
        return _minigrid_levels()[name]
    match = _VARIANT.fullmatch(name)
    if not match or match["base"] == name or match["base"] not in level_names():
        raise unknown("level", name, level_names())
    base = find_level(match["base"])
    arguments = dict(base.arguments)
    if any(len(number or "") > _NAME_DIGITS for number in (match["size"], match["count"])):
        raise UserError(f"level {shortened(name)}: numbers in a name have at most {_NAME_DIGITS} digits")
    if match["count"] and not int(match["count"]):
        raise UserError(f"level {name} has nothing to ask for: leave N{match['count']} out, or choose more")
    if match["size"]:
        arguments["room_size"] = int(match["size"])
        _check_size(name, "room_size", arguments["room_size"])
    if match["count"]:
        accepted = level_options(base)
        if not {"num_dists", "num_objs"} & accepted:
            raise UserError(
                f"level {base.name} has no number of objects to choose: leave out N{match['count']}"
            )
        arguments["num_objs" if "num_objs" in accepted else "num_dists"] = int(match["count"])
    return Level(name, base.level_class, arguments, base.text)


def level_options(level: Level) -> set[str]:
    """Return the names of the options that a level takes."""
    names = {"room_size", "num_rows", "num_cols", "max_steps"}
    for level_class in inspect.getmro(level.level_class):
        if level_class in (Scene, RoomGridLevel):
            break
        if "__init__" in vars(level_class):
            parameters = inspect.signature(level_class).parameters.values()
            names |= {
                parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD
            }
    return names


def make_scenes(name: str, **options: Any) -> Any:
    """Return a quiet MiniGrid environment of a level, with other options than its own where given.

    Raises:
        UserError: for an unknown level, an option it does not have or a value it cannot use.
    """
    level = find_level(name)
    for option, value in options.items():
        if option not in level_options(level):
            raise unknown(f"option of level {name}", option, level_options(level))
        _check_size(name, option, value)
    try:
        made = scene_class(level.level_class)(**{**level.arguments, **options})
    except (AssertionError, TypeError, ValueError) as error:
        values = ", ".join(f"{key}={value!r}" for key, value in options.items())
        raise UserError(f"level {name} cannot be made with {values or 'its name'}: {error}") from error
    made.level_name = name
    return made


def check_level(name: str, options: Mapping[str, Any]) -> None:
    """Raise a UserError for a level that can't be made, or allows so few scenes that a run would fail."""
    make_scenes(name, **options)
    _check_scenes(name, tuple((option, _hashable(value)) for option, value in options.items()))


@cache
def _check_scenes(name: str, options: tuple[tuple[str, Any], ...]) -> None:
    scenes = make_scenes(name, **dict(options))
    scenes.patience = _FIRST_DRAWS
    for seed in range(_FIRST_SCENES):
        scenes.reset(seed=seed)
        scenes.patience = scenes.draws_left


def _hashable(value: Any) -> Any:
    """Return an option's value with tuples for its lists."""
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


def _check_size(name: str, option: str, value: Any) -> None:
    """Raise a UserError for a size that no machine has the memory for."""
    largest = _LARGEST.get(option)
    if largest is not None and isinstance(value, int) and value > largest:
        raise UserError(f"level {name}: {option} = {shortened(value)}: at most {largest}")


def level_text(name: str) -> str:
    """Return what a level asks for, in a line."""
    return find_level(name).text


def describe_level(name: str, scenes: int = 20) -> LevelDescription:
    """Return what a level is, tasks, sizes and missions as met in its first scenes."""
    level = find_level(name)
    env = make_scenes(name)
    steps: set[int] = set()
    rooms: set[int] = set()
    kinds: set[str] = set()
    missions: dict[str, None] = {}
    for scene_seed in range(scenes):
        env.reset(seed=scene_seed)
        steps.add(env.max_steps)
        rooms.add(env.num_rows * env.num_cols)
        kinds.add(task_of(instruction_of(env.instrs)))
        missions[env.mission] = None
    return LevelDescription(
        name,
        level.text,
        tuple(sorted(steps)),
        env.room_size,
        tuple(sorted(rooms)),
        tuple(sorted(kinds)),
        tuple(missions),
    )
