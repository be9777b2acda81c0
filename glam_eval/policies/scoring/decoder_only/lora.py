"""Layers with LoRA adapters in few products, those that read the same states together; gradients by hand."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.decoder_only.attention import current_pass
from glam_eval.policies.scoring.decoder_only.casts import CastOnce

# Layers of one module that read the same states, by the names that ``transformers`` gives them.
_TOGETHER = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


class _Adapted(torch.autograd.Function):
    """x W^T + s (x A^T) B^T for a frozen W: unlike peft's own forward it keeps x once, and adds in place.

    Layers side by side are one: their W and A one above the other, their s B along the diagonal. So the
    products, most of which are narrow, are as many as of one layer.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        scales: Sequence[float],
        *adapters: torch.Tensor,
    ) -> torch.Tensor:
        """Return (n, out) of states (n, in), all of one type but the adapters, which are cast to it.

        Of these come the matrices A (rank, in) of all layers, then B (its out, rank) of all; one scale each.
        """
        downs, ups = adapters[: len(scales)], adapters[len(scales) :]
        down, up = torch.cat(downs).to(states.dtype), states.new_zeros(len(weight), sum(map(len, downs)))
        for rows, columns, each, scale in zip(
            *_corners([each.shape for each in ups]), ups, scales, strict=True
        ):
            up[rows, columns] = each * scale
        output = states @ weight.T if bias is None else torch.addmm(bias, states, weight.T)
        narrow = states @ down.T
        output.addmm_(narrow, up.T)
        ctx.save_for_backward(states, weight, narrow, down, up)
        ctx.scales, ctx.kept, ctx.shapes = scales, ups[0].dtype, [each.shape for each in ups]
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of states and adapters."""
        states, weight, narrow, down, up = ctx.saved_tensors
        below = gradient @ up
        of_states = (gradient @ weight).addmm_(below, down)
        of_down = (below.T @ states).to(ctx.kept)
        of_up = (narrow.T @ gradient).T.to(ctx.kept)  # the other way round takes twice as long
        rows, columns = _corners(ctx.shapes)
        downs = (of_down[each] for each in columns)
        ups = (
            of_up[row, column] * scale for row, column, scale in zip(rows, columns, ctx.scales, strict=True)
        )
        return of_states, None, None, None, *downs, *ups


def _corners(shapes: Sequence[Sequence[int]]) -> list[list[slice]]:
    """Return the rows and the columns of matrices along a diagonal."""
    sizes = (list(each) for each in zip(*shapes, strict=True))
    return [[slice(e - s, e) for s, e in zip(each, accumulate(each), strict=True)] for each in sizes]


class Together:
    """Adapted layers that read the same states, computed when the first of them is asked.

    Args:
        layers: ``peft``'s, with one adapter each and nothing of their weights but that to learn.
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        self._layers, self._weight = layers, CastOnce()

    def __call__(self, states: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
        """Return each layer's output (..., its out) of states (..., in), in a type."""
        adapted = [(layer, layer.active_adapters[0]) for layer in self._layers]
        output: torch.Tensor = _Adapted.apply(
            states.to(dtype).flatten(0, -2),
            self._weight([layer.base_layer.weight for layer in self._layers], dtype),
            self._bias(dtype),
            [layer.scaling[name] for layer, name in adapted],
            *(layer.lora_A[name].weight for layer, name in adapted),
            *(layer.lora_B[name].weight for layer, name in adapted),
        )  # type: ignore[no-untyped-call]
        widths = [layer.base_layer.out_features for layer in self._layers]
        return torch.split(output.view(*states.shape[:-1], -1), widths, -1)

    def _bias(self, dtype: torch.dtype) -> torch.Tensor | None:
        bases = [layer.base_layer for layer in self._layers]
        if all(base.bias is None for base in bases):
            return None
        return torch.cat(
            [base.weight.new_zeros(base.out_features) if base.bias is None else base.bias for base in bases]
        ).to(dtype)


class _Fast:
    """A layer's forward pass within a pass over a tree; elsewhere it is ``peft``'s own.

    Args:
        layer: one that is adapted in the plain way.
        group: it and its neighbours.
        place: the layer's in the group.
    """

    def __init__(self, layer: Any, group: Together, place: int) -> None:
        self._layer, self._usual = layer, layer.forward
        self._alone, self._group, self._place = Together([layer]), group, place

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Return the layer's output (..., out) of states (..., in)."""
        tree = current_pass()
        if tree is None:
            output: torch.Tensor = self._usual(states)
            return output
        kind, weight = states.device.type, self._layer.base_layer.weight
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else states.dtype
        if weight.dtype == dtype:  # together, weights would be copied that are not cast
            return self._alone(states, dtype)[0]
        return tree.once(self._group, states, dtype)[self._place]


def speed_up_adapters(model: Any) -> None:
    """Give a model's layers that are adapted in the plain way the forward pass of this file."""
    for module in model.modules():
        plain = {name: each for name, each in module.named_children() if _is_plain(each)}
        groups = [[name for name in names if name in plain] for names in _TOGETHER]
        apart = [[name] for name in plain if not any(name in names for names in _TOGETHER)]
        for names in filter(None, groups + apart):
            group = Together([plain[name] for name in names])
            for place, name in enumerate(names):
                if not isinstance(plain[name].forward, _Fast):
                    plain[name].forward = _Fast(plain[name], group, place)


def _is_plain(layer: Any) -> bool:
    """Whether a layer is a frozen linear one of ``peft``'s, with one adapter of two matrices."""
    base = getattr(layer, "base_layer", None)
    return (
        type(base) is nn.Linear  # none that makes its weight anew
        and hasattr(layer, "lora_A")
        and len(layer.active_adapters) == 1
        and not any(parameter.requires_grad for parameter in base.parameters())
        and not layer.lora_variant
    )
