"""BabyAI-Text: MiniGrid's BabyAI levels as sentences; registered as ``BabyAIText/<Level>-v0``."""

from glam_eval.environments.catalogue import (
    PAPER_LEVELS,
    LevelDescription,
    describe_level,
    level_names,
    level_text,
)
from glam_eval.environments.description import describe
from glam_eval.environments.expert import bot_length
from glam_eval.environments.levels import HELD_OUT, MIXED_KINDS
from glam_eval.environments.text_env import BabyAIText, register_levels
from glam_eval.environments.vector import VectorEnvironment, make_environment

__all__ = [
    "HELD_OUT",
    "MIXED_KINDS",
    "PAPER_LEVELS",
    "BabyAIText",
    "LevelDescription",
    "VectorEnvironment",
    "bot_length",
    "describe",
    "describe_level",
    "level_names",
    "level_text",
    "make_environment",
]

register_levels(level_names())
