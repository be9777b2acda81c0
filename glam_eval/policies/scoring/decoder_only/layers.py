"""Linear layers within a pass over a tree: those that read the same states are computed together."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from glam_eval.policies.scoring.decoder_only.attention import current_pass
from glam_eval.policies.scoring.decoder_only.linear import LinearTogether
from glam_eval.policies.scoring.decoder_only.lora import AdaptedTogether, is_adapted

# Layers of one module that read the same states, by the names that ``transformers`` gives them.
_TOGETHER = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


class Together(Protocol):
    """Layers that read the same states."""

    def __call__(self, states: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
        """Return each layer's output (..., its out) of states (..., in), in a type."""
        ...


class _Fast:
    """A layer's forward pass within a pass over a tree; elsewhere it is the usual one.

    Args:
        layer: a linear one, adapted or not.
        alone: the layer as a group of its own.
        group: it and its neighbours; None where it has none.
        place: the layer's in the group.
    """

    def __init__(self, layer: Any, alone: Together, group: Together | None, place: int) -> None:
        self._layer, self._usual, self._adapted = layer, layer.forward, is_adapted(layer)
        self._alone, self._group, self._place = alone, group, place

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Return the layer's output (..., out) of states (..., in)."""
        tree, kind = current_pass(), states.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else states.dtype
        whole = self._layer.weight.dtype == dtype  # together, weights would be copied that are not cast
        if tree is None or (whole and not self._adapted):
            output: torch.Tensor = self._usual(states)
            return output
        if whole or self._group is None:
            return self._alone(states, dtype)[0]
        return tree.once(self._group, states, dtype)[self._place]


def speed_up_layers(model: Any, whole: bool = True) -> None:
    """Give a model's linear layers, plain ones and those adapted in the plain way, the pass of this file.

    Args:
        model: a decoder-only model.
        whole: no part of its weights is on another rank; otherwise adapted layers alone are meant.
    """
    for module in model.modules():
        layers = dict(module.named_children())
        _speed_up({name: each for name, each in layers.items() if is_adapted(each)}, AdaptedTogether)
        if whole and not is_adapted(module):
            plain = {name: each for name, each in layers.items() if type(each) is nn.Linear}
            _speed_up(plain, LinearTogether)


def _speed_up(layers: dict[str, Any], kind: Callable[[Sequence[Any]], Together]) -> None:
    """Give layers of one module and one kind the pass of this file."""
    layers = {name: each for name, each in layers.items() if not isinstance(each.forward, _Fast)}
    groups = [[name for name in names if name in layers] for names in _TOGETHER]
    for names in groups + [[name] for name in layers if not any(name in each for each in groups)]:
        group = kind([layers[name] for name in names]) if len(names) > 1 else None
        for place, name in enumerate(names):
            layers[name].forward = _Fast(layers[name], kind([layers[name]]), group, place)
