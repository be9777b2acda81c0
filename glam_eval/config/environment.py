"""The world that an agent acts in, and the words in which it is told of it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from glam_eval.config.settings import Settings


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
    """Prompt template."""
    remembered: Annotated[int, Field(ge=1, le=9)] = 3
    """Observations in the prompt, with the actions between them."""
