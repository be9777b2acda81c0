"""The one door to what T5's forward pass computes with: chosen once for an engine, which asks no more.

What is compiled takes float32 on a CPU. All else goes to its twin in torch's operations: other types, tensors
on a GPU, and what ``torch.compile`` traces, which can't look into C.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from glam_eval.policies.scoring.kernels.activations import CompiledGatedGelu, GatedGelu
from glam_eval.policies.scoring.kernels.compiled_layers import (
    decoder_layer,
    encoder_layer,
    fits_compiled_layer,
)
from glam_eval.policies.scoring.kernels.native.library import library
from glam_eval.policies.scoring.kernels.norms import CompiledRMSNorm, RMSNorm
from glam_eval.policies.scoring.kernels.self_attention import (
    CompiledAttention,
    PositionBias,
    self_attention,
)
from glam_eval.policies.scoring.packing import Group, lengths_of


class WholeLayers(NamedTuple):
    """Layers in one call each; see ``compiled_layers`` for what they take."""

    encoder: Callable[[Any, torch.Tensor, torch.Tensor, Sequence[int]], torch.Tensor]
    decoder: Callable[[Any, torch.Tensor, torch.Tensor, torch.Tensor, Sequence[int]], torch.Tensor]


class TorchKernels:
    """Torch's operations, on any device, with gradients written by hand."""

    def rms_norm(self, hidden: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Return rows (n, d) divided by their root mean square, in float32."""
        output: torch.Tensor = RMSNorm.apply(hidden.float(), epsilon)  # type: ignore[no-untyped-call]
        return output

    def gated_gelu(self, inner: torch.Tensor) -> torch.Tensor:
        """Return gelu (tanh form) of rows' first half times their second, (n, 2 d_ff) -> (n, d_ff)."""
        output: torch.Tensor = GatedGelu.apply(inner)  # type: ignore[no-untyped-call]
        return output

    def self_attention(
        self, projected: torch.Tensor, bias: PositionBias, groups: Sequence[Group]
    ) -> torch.Tensor:
        """Return attention within each prompt, (T, heads * d_kv), unscaled as in T5.

        Args:
            projected: queries, keys and values of packed tokens, (T, 3, heads, d_kv).
            bias: of the longest prompt.
            groups: where the prompts lie.
        """
        return self_attention(projected, bias, groups)

    def whole_layers(self, hidden: torch.Tensor, *widths: int) -> WholeLayers | None:  # noqa: ARG002
        """Return what computes layers of states (T, d_model) and of other widths at once, or None."""
        return None


class CompiledKernels(TorchKernels):
    """The C kernels where they take what comes, torch's operations elsewhere."""

    @staticmethod
    def _takes(tensor: torch.Tensor) -> bool:
        fits = tensor.device.type == "cpu" and tensor.dtype == torch.float32
        return fits and not torch.compiler.is_compiling()

    def rms_norm(self, hidden: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Return what ``TorchKernels`` does."""
        hidden = hidden.float()
        if not self._takes(hidden):
            return super().rms_norm(hidden, epsilon)
        output: torch.Tensor = CompiledRMSNorm.apply(hidden, epsilon)  # type: ignore[no-untyped-call]
        return output

    def gated_gelu(self, inner: torch.Tensor) -> torch.Tensor:
        """Return what ``TorchKernels`` does."""
        if not self._takes(inner):
            return super().gated_gelu(inner)
        output: torch.Tensor = CompiledGatedGelu.apply(inner)  # type: ignore[no-untyped-call]
        return output

    def self_attention(
        self, projected: torch.Tensor, bias: PositionBias, groups: Sequence[Group]
    ) -> torch.Tensor:
        """Return what ``TorchKernels`` does."""
        if not self._takes(projected):
            return super().self_attention(projected, bias, groups)
        lengths = torch.tensor(lengths_of(groups))
        output: torch.Tensor = CompiledAttention.apply(projected, bias.by_offset.float(), lengths)  # type: ignore[no-untyped-call]
        return output

    def whole_layers(self, hidden: torch.Tensor, *widths: int) -> WholeLayers | None:
        """Return the compiled layers where they take such states and are faster."""
        fits = fits_compiled_layer(hidden.shape[1], *widths) and self._takes(hidden)
        return (
            WholeLayers(encoder_layer, decoder_layer)
            if fits and not torch.is_autocast_enabled("cpu")
            else None
        )


def choose_kernels(device: torch.device) -> TorchKernels:
    """Return what an engine on a device computes with: compiled on a CPU, where they can be compiled.

    Raises:
        UserError: if the compiler fails, or the library is not of this version.
    """
    return CompiledKernels() if device.type == "cpu" and library() is not None else TorchKernels()
