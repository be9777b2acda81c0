"""Parts of a model that are computed by code of ours, each as its method where ranks share its weights.

Weights of such a part are whole within a method of it alone.
"""

from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch import nn

METHOD = "computed_here"


def within(part: Any, compute: Callable[..., Any], *given: Any) -> Any:
    """Return ``compute(part, *given)``, computed where the part's weights are whole.

    Args:
        part: a module.
        compute: what to do; of tensors among the results alone gradients come back.
        given: further arguments. A tensor that needs a gradient should be one of them, not be inside of one.
    """
    method = getattr(part, METHOD, None)
    return compute(part, *given) if method is None else method(compute, *given)


def blocks_of(model: Any) -> list[Any]:
    """Return a model's blocks, as its family names them."""
    names = set(model._no_split_modules or ())
    lists = [each for each in model.modules() if isinstance(each, nn.ModuleList)]
    return [block for each in lists for block in each if type(block).__name__ in names]


def give_method(part: nn.Module) -> None:
    """Give a part the method that ``within`` calls."""
    part.computed_here = MethodType(_computed, part)  # type: ignore[assignment]


def is_sharded(model: Any) -> bool:
    """Whether several ranks hold a model's weights; set by ``policies/sharding.py``."""
    return bool(getattr(model, "held_by_ranks", False))


def half_precision(model: Any, half: bool) -> torch.autocast:
    """Return the context in which a model computes in bfloat16, if at all.

    Weights that ranks share are of that type when they come, for cast ones of all blocks would be kept.
    """
    return torch.autocast(
        model.device.type, torch.bfloat16, enabled=half, cache_enabled=not is_sharded(model)
    )


def _computed(part: nn.Module, compute: Callable[..., Any], *given: Any) -> Any:
    return compute(part, *given)
