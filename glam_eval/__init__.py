"""glam-eval: whether language models that act, and learn while acting, come to mean what they say."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from glam_eval.core.version import __version__

if TYPE_CHECKING:
    from glam_eval import figures
    from glam_eval.environments import describe
    from glam_eval.library import Study, compare, run_suite
    from glam_eval.results import load_results

__all__ = ["Study", "__version__", "compare", "describe", "figures", "load_results", "run_suite"]

_LAZY = {
    "Study": "glam_eval.library",
    "compare": "glam_eval.library",
    "describe": "glam_eval.environments",
    "load_results": "glam_eval.results",
    "run_suite": "glam_eval.library",
}


def __getattr__(name: str) -> Any:
    """Import what the package offers on first use: ``import glam_eval`` itself costs nothing."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    if name == "figures":
        return import_module("glam_eval.figures")
    raise AttributeError(f"module 'glam_eval' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what is offered, loaded or not, for completion in shells and notebooks."""
    return sorted({*globals(), *__all__})
