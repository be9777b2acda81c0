"""Frozen linear layers in 8 or 4 bits a weight, coded by `bitsandbytes`.

Products are of the weights that the codes stand for. What a layer returns for a prompt therefore doesn't
depend on what else is in its batch, as it does with arithmetic in 8 bits (LLM.int8, arXiv 2208.07339):
scores stay those of a plain loop.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd.function import once_differentiable

from glam_eval.core.errors import UserError
from glam_eval.policies.models.quiet import quiet_bitsandbytes

Quantization = Literal["none", "8bit", "4bit"]

_BLOCK = 64  # weights that share a scale: QLoRA's (arXiv 2305.14314)
_NORMAL_FLOAT = "nf4"  # 4 bits spaced as normal weights are, of the same paper


class QuantizedLinear(nn.Linear):
    """A linear layer that never learns, whose weight is made anew, in float32, each time it is asked for."""

    def __init__(self, layer: nn.Linear, kind: Quantization) -> None:
        """Quantise a layer, on the device where it is."""
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.register_parameter("bias", layer.bias)
        weight = layer.weight.detach().float().contiguous()
        codes, state = _quantize(kind)(weight, blocksize=_BLOCK)
        self._kind = kind
        self.register_buffer("codes", codes)
        self.register_buffer("scales", state.absmax)
        self.register_buffer("values", state.code)

    @property
    def weight(self) -> torch.Tensor:  # type: ignore[override]
        """The weight (out, in) that the codes stand for."""
        functional = _package().functional
        state = functional.QuantState(
            self.scales.float(), torch.Size((self.out_features, self.in_features)), self.values.float(),
            _BLOCK, _NORMAL_FLOAT, torch.float32,
        )  # fmt: skip
        of_kind = functional.dequantize_4bit if self._kind == "4bit" else functional.dequantize_blockwise
        whole: torch.Tensor = of_kind(self.codes, state)
        return whole

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the layer's output (..., out) of states (..., in)."""
        kind = states.device.type
        if torch.is_autocast_enabled(kind):
            states = states.to(torch.get_autocast_dtype(kind))
        product: torch.Tensor = _Product.apply(states, self)  # type: ignore[no-untyped-call]
        return product if self.bias is None else product + self.bias.to(product.dtype)


class _Product(torch.autograd.Function):
    """x W^T for a quantised W, which the backward pass makes anew: it is kept by nobody."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, layer: QuantizedLinear) -> torch.Tensor:
        """Return (..., out) of states (..., in)."""
        ctx.layer = layer
        return F.linear(states, layer.weight.to(states.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient of the states."""
        return gradient @ ctx.layer.weight.to(gradient.dtype), None


def quantize(model: Any, kind: Quantization) -> None:
    """Replace a model's linear layers but the output projection, in place; their weights never learn again.

    Args:
        model: a Hugging Face model.
        kind: 8bit, in blocks of 64 weights with a scale each, or 4bit, the same in 4-bit normal floats.

    Raises:
        UserError: if `bitsandbytes` is not installed.
    """
    _package()
    output = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear and layer is not output:
                setattr(parent, name, QuantizedLinear(layer, kind))


def _quantize(kind: Quantization) -> Callable[..., tuple[torch.Tensor, Any]]:
    functional = _package().functional
    if kind == "4bit":
        return partial(functional.quantize_4bit, quant_type=_NORMAL_FLOAT)
    of_blocks: Callable[..., tuple[torch.Tensor, Any]] = functional.quantize_blockwise
    return of_blocks


def _package() -> Any:
    quiet_bitsandbytes()
    try:
        import bitsandbytes
    except ImportError as error:
        raise UserError(
            "policy.quantization needs the package bitsandbytes: pip install 'glam-eval[quantization]'"
        ) from error
    return bitsandbytes
