"""Policies: language models that score actions, baselines, and the models behind them.

Names are imported when first used, so that the program's help does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glam_eval.policies.language_model import LanguageModelPolicy
    from glam_eval.policies.models.loading import load_model, make_model
    from glam_eval.policies.scoring.scores import score_actions

_MODULES = {
    "LanguageModelPolicy": "language_model",
    "load_model": "models.loading",
    "make_model": "models.loading",
    "score_actions": "scoring.scores",
}

__all__ = ["LanguageModelPolicy", "load_model", "make_model", "score_actions"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
