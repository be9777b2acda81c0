"""Evaluation questions, each with fixed scenes, prompts or texts that are the same for every agent."""

from glam_eval.protocols.measures import measured_records
from glam_eval.protocols.play import play_condition
from glam_eval.protocols.probes import Prober, probe_situations
from glam_eval.protocols.retention import language_records
from glam_eval.protocols.stage import Played

__all__ = [
    "Played",
    "Prober",
    "language_records",
    "measured_records",
    "play_condition",
    "probe_situations",
]
