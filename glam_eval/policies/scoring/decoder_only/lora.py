"""Layers with LoRA adapters in few products and one pass over their outputs, the gradient written by hand."""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.decoder_only.attention import current_pass
from glam_eval.policies.scoring.decoder_only.casts import CastOnce


class _Adapted(torch.autograd.Function):
    """x W^T + s (x A^T) B^T for a frozen W: unlike peft's own forward it keeps x once, and adds in place."""

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """Return (n, out) of states (n, in), all of one type but the adapters, which are cast to it."""
        down_cast, up_cast = down.to(states.dtype), up.to(states.dtype)
        output = states @ weight.T if bias is None else torch.addmm(bias.to(states.dtype), states, weight.T)
        narrow = states @ down_cast.T
        output.addmm_(narrow, up_cast.T, alpha=scale)
        ctx.save_for_backward(states, weight, narrow, down_cast, up_cast)
        ctx.scale, ctx.kept = scale, down.dtype
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of states and adapters."""
        states, weight, narrow, down, up = ctx.saved_tensors
        below = (gradient @ up).mul_(ctx.scale)
        of_states = (gradient @ weight).addmm_(below, down)
        of_down, of_up = below.T @ states, (gradient.T @ narrow).mul_(ctx.scale)
        return of_states, None, None, of_down.to(ctx.kept), of_up.to(ctx.kept), None


class _Fast:
    """A layer's forward pass within a pass over a tree; elsewhere it is ``peft``'s own.

    Args:
        layer: one of ``peft``'s, with one adapter and nothing of its weights but that to learn.
    """

    def __init__(self, layer: Any) -> None:
        (self._name,) = layer.active_adapters
        self._layer, self._usual = layer, layer.forward
        self._weight = CastOnce()

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Return the layer's output (..., out) of states (..., in)."""
        tree = current_pass()
        if tree is None:
            output: torch.Tensor = self._usual(states)
            return output
        kind, layer = states.device.type, self._layer
        half = torch.is_autocast_enabled(kind)
        cast = tree.cast(states, torch.get_autocast_dtype(kind) if half else states.dtype)
        flat: torch.Tensor = _Adapted.apply(
            cast.flatten(0, -2),
            self._weight(layer.base_layer.weight, cast.dtype),
            layer.base_layer.bias,
            layer.lora_A[self._name].weight,
            layer.lora_B[self._name].weight,
            layer.scaling[self._name],
        )  # type: ignore[no-untyped-call]
        return flat.view(*states.shape[:-1], -1)


def speed_up_adapters(model: Any) -> None:
    """Give a model's layers that are adapted in the plain way the forward pass of this file."""
    for layer in model.modules():
        if _is_plain(layer) and not isinstance(layer.forward, _Fast):
            layer.forward = _Fast(layer)


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
