"""Evaluation questions: each plays fixed scenes, every one to its end exactly once."""

from glam_eval.protocols.play import Played, play_condition

__all__ = ["Played", "play_condition"]
