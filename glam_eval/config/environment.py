"""The world that an agent acts in, and the words in which it is told of it."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from glam_eval.config.settings import Settings

ToldGoal = Literal["told", "swapped", "absent"]
"""What is told of a scene's goal: itself, other things of the scene in its place, or what isn't there."""


class EnvironmentConfig(Settings):
    """The world a run is trained in and the words it is told in."""

    level: str = "GoToLocal"
    """BabyAI-Text level; ``glam-eval envs`` lists them."""
    options: dict[str, Any] = {}
    """Options of the level, for instance room_size, num_dists, kinds or held_out."""
    language: str = "en"
    """Language of goal and observations."""
    shift: str = "none"
    """Lexical shift of the training words."""
    actions: Literal["restricted", "canonical", "augmented"] = "canonical"
    """Action set: 3, 6 or 9 actions."""
    template: str = "paper"
    """Prompt template, or several of which every scene is told in one: "paper+tags", also as a list."""
    goal: ToldGoal = "told"
    """Goal that is told: the scene's own, one swapped for other things of the scene, or one that names what
    is absent; what counts is the scene's own in any case."""
    goal_hidden: bool = False
    """Whether the goal is left out of all that an agent perceives."""
    remembered: Annotated[int, Field(ge=1, le=9)] = 3
    """Observations in the prompt, with the actions between them."""

    @field_validator("template", mode="before")
    @classmethod
    def _mixture(cls, value: Any) -> Any:
        named = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        return "+".join(value) if named else value
