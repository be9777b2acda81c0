"""BabyAI-Text: MiniGrid's BabyAI levels as sentences; registered as ``BabyAIText/<Level>-v0``."""

from glam_eval.environments.catalogue import (
    PAPER_LEVELS,
    LevelDescription,
    describe_level,
    level_names,
    level_text,
)
from glam_eval.environments.choice import check_world, make_environment, offered_actions
from glam_eval.environments.description import describe
from glam_eval.environments.expert import bot_length
from glam_eval.environments.interface import TextEnvironment
from glam_eval.environments.levels import HELD_OUT, MIXED_KINDS
from glam_eval.environments.text_env import BabyAIText, register_levels
from glam_eval.environments.vector import VectorEnvironment

__all__ = [
    "HELD_OUT",
    "MIXED_KINDS",
    "PAPER_LEVELS",
    "BabyAIText",
    "LevelDescription",
    "TextEnvironment",
    "VectorEnvironment",
    "bot_length",
    "check_world",
    "describe",
    "describe_level",
    "level_names",
    "level_text",
    "make_environment",
    "offered_actions",
]

register_levels(level_names())
