"""glam-eval: whether language models that act, and learn while acting, come to mean what they say."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glam_eval.environments import describe
    from glam_eval.results import load_results

__version__ = "0.1.0"
__all__ = ["__version__", "describe", "load_results"]

_LAZY = {"describe": "glam_eval.environments", "load_results": "glam_eval.results"}


def __getattr__(name: str) -> Any:
    """Import what the package offers on first use: ``import glam_eval`` itself costs nothing."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'glam_eval' has no attribute {name!r}")
