"""Layers with LoRA adapters in few products, those that read the same states together; gradients by hand."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.decoder_only.casts import CastOnce
from glam_eval.policies.scoring.decoder_only.linear import joint_bias


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


class AdaptedTogether:
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
            joint_bias([layer.base_layer for layer in self._layers], dtype),
            [layer.scaling[name] for layer, name in adapted],
            *(layer.lora_A[name].weight for layer, name in adapted),
            *(layer.lora_B[name].weight for layer, name in adapted),
        )  # type: ignore[no-untyped-call]
        widths = [layer.base_layer.out_features for layer in self._layers]
        return torch.split(output.view(*states.shape[:-1], -1), widths, -1)


def is_adapted(layer: Any) -> bool:
    """Whether a layer is a frozen linear one of ``peft``'s, with one adapter of two matrices."""
    base = getattr(layer, "base_layer", None)
    return (
        type(base) is nn.Linear  # none that makes its weight anew
        and hasattr(layer, "lora_A")
        and len(layer.active_adapters) == 1
        and not any(parameter.requires_grad for parameter in base.parameters())
        and not layer.lora_variant
    )
