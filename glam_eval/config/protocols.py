"""What is asked of an agent: protocols, their conditions, and which agents each of them takes."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, PositiveInt, field_validator, model_validator

from glam_eval.config.agents import Agent
from glam_eval.config.settings import Settings
from glam_eval.config.worlds import world_of
from glam_eval.core.errors import UserError, unknown


@dataclass(frozen=True, slots=True)
class ProtocolDescription:
    """A protocol: what it asks, of which agents, and which of ``ProtocolConfig``'s settings it has."""

    question: str
    takes: Literal["agents", "agents that read text", "language models"]
    settings: frozenset[str]
    of_babyai: bool = False  # whether what it asks of is made from BabyAI-Text's simulator


Consequence = Literal["observation", "reached", "shorter"]
CONSEQUENCES: tuple[Consequence, ...] = get_args(Consequence)  # the kinds of question of the protocol
_PLAYING = frozenset({"scenes", "balanced", "conditions", "replays"})

PROTOCOLS = {
    "sample-efficiency": ProtocolDescription(
        "success at regular points of training, on fixed scenes", "agents", _PLAYING
    ),
    "generalization": ProtocolDescription(
        "success of the trained agent under each shift, on the same fixed scenes", "agents", _PLAYING
    ),
    "probes": ProtocolDescription(
        "the policy on fixed prompts before each update's first gradient step",
        "agents that read text",
        frozenset({"conditions", "every", "tasks"}),
        of_babyai=True,
    ),
    "retention": ProtocolDescription(
        "what the language model knows of language before and after training",
        "language models",
        frozenset({"items"}),
    ),
    "consequences": ProtocolDescription(
        "what the language model knows of what actions do, before and after training",
        "language models",
        frozenset({"items"}),
        of_babyai=True,
    ),
    "saliency": ProtocolDescription(
        "which parts of its prompt the policy goes by, before and after training",
        "agents that read text",
        frozenset({"items"}),
        of_babyai=True,
    ),
}


Goal = Literal["told", "swapped", "absent", "hidden"]
_GOALS: tuple[Goal, ...] = get_args(Goal)
GOAL_MARK = "~"  # between the words and the goal in a condition's name
TEMPLATE_MARK = "."  # between the shift and the prompt template
_LONGEST_LABEL = 60  # characters: files are named by conditions


def split_condition(label: str) -> tuple[str, str, str]:
    """Return a condition's shift (with its language), template and goal; "" for training's own."""
    words, _, goal = label.partition(GOAL_MARK)
    shift, _, template = words.partition(TEMPLATE_MARK)
    return shift, template, goal


def _join_condition(shift: str, template: str, goal: str) -> str:
    return shift + (TEMPLATE_MARK + template) * bool(template) + (GOAL_MARK + goal) * bool(goal)


class ConditionConfig(Settings):
    """One condition of a protocol: a lexical shift, a language, another prompt, another goal or level.

    By name it is ``shift+shift@language.template~goal``, for instance ``none~swapped``, ``none.tags`` or
    ``new_nouns@fr~hidden``.
    """

    shift: Annotated[str, Field(max_length=_LONGEST_LABEL)] = "none"
    """Lexical shift with optional language, for instance invented_nouns+synonym_actions@fr; of the goal
    alone it is synonym_colors_in_goal, or none@goal-fr where it is said in French."""
    template: Annotated[str, Field(min_length=1, max_length=_LONGEST_LABEL)] | None = None
    """Prompt template, or a mixture; none keeps that of training."""
    goal: Goal = "told"
    """Goal that is told: the scene's own (told), other things of the scene in its place (swapped), what is
    not there (absent), or none (hidden). Success counts what is meant, ``success_told`` what is told."""
    level: str | None = None
    """Level to play; none keeps the training level."""
    options: dict[str, Any] = {}
    """Options of the level that differ from training (all of them where the level differs)."""
    name: Annotated[str, Field(pattern=r"^[\w+@-]+$", max_length=_LONGEST_LABEL)] | None = None
    """Name in the results' shift column; none takes the shift's. Template and goal follow it."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = dict(zip(("shift", "template", "goal"), split_condition(value), strict=True))
        absent = {"template": TEMPLATE_MARK not in value, "goal": GOAL_MARK not in value}
        return {name: part for name, part in parts.items() if not absent.get(name)}

    @property
    def label(self) -> str:
        """Name of the condition in the results."""
        goal = "" if self.goal == "told" else self.goal
        return _join_condition(self.name or self.shift, self.template or "", goal)


@cache
def condition_sets() -> dict[str, list[Any]]:
    """Return the named sets of conditions; "@name" in a list of conditions stands for one."""
    return tomllib.loads(files("glam_eval.config").joinpath("conditions.toml").read_text("utf-8"))


def _expanded(conditions: Sequence[Any]) -> Iterator[Any]:
    """Yield conditions with sets replaced by their members, but for members that were there before."""
    given: list[Any] = []
    for condition in conditions:
        named = isinstance(condition, str) and condition.startswith("@")
        if named and condition[1:] not in condition_sets():
            raise unknown("set of conditions", condition, (f"@{name}" for name in condition_sets()))
        for member in _expanded(condition_sets()[condition[1:]]) if named else [condition]:
            if not (named and member in given):
                given.append(member)
                yield member


@cache
def _places() -> dict[str, int]:
    """Return the place of every condition of the named sets, in the order in which they are written."""
    members = (
        ConditionConfig.model_validate(each) for each in _expanded([f"@{n}" for n in condition_sets()])
    )
    return {label: place for place, label in enumerate(dict.fromkeys(each.label for each in members))}


def condition_rank(label: str) -> tuple[int, int, str]:
    """Return what sorts conditions as people list them: as the named sets do, and others after these.

    A known shift in a language comes right after that language, for instance invented_nouns@fr, another
    prompt after the words that it tells, and another goal right after these.
    """
    places = _places()
    shift, template, goal = split_condition(label)
    if goal:
        place, within, told = condition_rank(_join_condition(shift, template, ""))
        return place, within, f"{told}{GOAL_MARK}{[*_GOALS, goal].index(goal)}"
    if template and label not in places:
        place, within, told = condition_rank(shift)
        return place, within, f"{told}{TEMPLATE_MARK}{template}"
    shift, at, language = label.partition("@")
    if label in places or not at:
        return places.get(label, len(places)), -1, label
    return places.get(f"none@{language}", len(places)), places.get(shift, len(places)), label


class ProtocolConfig(Settings):
    """An evaluation question with its fixed scenes or prompts; which settings it has depends on it."""

    name: str
    """Protocol."""
    scenes: PositiveInt = 200
    """Scenes each played once: the same for every agent, shift and seed."""
    balanced: bool = False
    """Equally many scenes of each kind of task, on levels with several."""
    conditions: tuple[ConditionConfig, ...] = (ConditionConfig(),)
    """Conditions compared; the first is the one others are compared with. "@paper" is a named set."""
    replays: Annotated[int, Field(ge=0)] = 3
    """Scenes of each condition whose steps are stored, for the first seed."""
    every: PositiveInt = 1
    """Probes: updates from one probing to the next."""
    tasks: tuple[Literal["goto", "pickup", "putnext", "open", "sequence"], ...] = ()
    """Probes: kinds of task probed; none takes all."""
    items: PositiveInt = 200
    """Retention: held-out items of each family, and sentences. Consequences: items of each kind, at least.
    Saliency: situations."""

    @field_validator("conditions", mode="before")
    @classmethod
    def _sets(cls, value: Any) -> Any:
        return tuple(_expanded(value)) if isinstance(value, tuple) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name not in PROTOCOLS:
            raise unknown("protocol", self.name, PROTOCOLS)
        labels = [condition.label for condition in self.conditions]
        if len(set(labels)) < len(labels):
            raise ValueError(f"two conditions of {self.name} have one name: {sorted(labels)}")
        if not labels:
            raise ValueError(f"protocol {self.name} has no conditions")
        for name, field in type(self).model_fields.items():
            unused = name != "name" and name not in self.description.settings
            if unused and getattr(self, name) != field.default:
                raise ValueError(f"protocol {self.name} has no setting {name!r}: leave it out")
        if self.name == "probes" and any(each.goal in ("swapped", "absent") for each in self.conditions):
            raise ValueError(
                "probes say what is right for their own goals: leave swapped and absent ones out"
            )
        if self.name == "probes" and any(each.level or each.options for each in self.conditions):
            raise ValueError("probes are drawn rooms: leave level and options out of their conditions")
        return self

    @property
    def description(self) -> ProtocolDescription:
        """What the protocol asks, and of whom."""
        return PROTOCOLS[self.name]

    @property
    def plays(self) -> bool:
        """Whether the protocol plays episodes."""
        return "scenes" in self.description.settings

    def check_level(self, level: str) -> None:
        """Raise a UserError if the question can't be asked at a level, because it is of another world."""
        if self.description.of_babyai and world_of(level):
            raise UserError(f"protocol {self.name} asks of BabyAI-Text's world: at {level} leave it out")

    def takes(self, agent: Agent) -> bool:
        """Return whether the question can be asked of an agent."""
        match self.description.takes:
            case "language models":
                return agent.uses_model
            case "agents that read text":
                return agent.reads_text
        return True
