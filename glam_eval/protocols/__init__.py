"""Evaluation questions, each with fixed scenes, prompts or texts that are the same for every agent.

Names are imported when first used, so that checking what is asked does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glam_eval.protocols.measures import measured_records
    from glam_eval.protocols.play import play_condition
    from glam_eval.protocols.probes import Prober, probe_situations
    from glam_eval.protocols.retention import language_records
    from glam_eval.protocols.stage import Played

_MODULES = {
    "Played": "stage",
    "Prober": "probes",
    "language_records": "retention",
    "measured_records": "measures",
    "play_condition": "play",
    "probe_situations": "probes",
}

__all__ = [
    "Played",
    "Prober",
    "language_records",
    "measured_records",
    "play_condition",
    "probe_situations",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
