"""Curves of runs under way for other programs' eyes: off unless asked for, and never able to touch a run."""

from glam_eval.tracking.guard import Trackers, open_trackers
from glam_eval.tracking.protocol import TrackedRun, Tracker, training_values
from glam_eval.tracking.registry import TRACKERS, tracked_by, tracker_names

__all__ = [
    "TRACKERS",
    "TrackedRun",
    "Tracker",
    "Trackers",
    "open_trackers",
    "tracked_by",
    "tracker_names",
    "training_values",
]
