"""T5's element-wise and attention work in few passes over memory, with gradients written by hand.

On a CPU, attention runs on views of packed tensors, a few prompts of equal length at a time: no padding,
and the scores stay in the cache. On a GPU it runs through ``scaled_dot_product_attention`` by groups.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.packing import Group

Block = Group  # prompts of exactly one length, few enough for their scores to stay in the cache
BLOCK_SCORES = 1 << 17  # attention scores of a block: 512 KiB of float32


class _RMSNorm(torch.autograd.Function):
    """x / rms(x) over the last dimension: T5's layer norm without its weight."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, epsilon: float) -> torch.Tensor:
        squares = torch.linalg.vecdot(hidden, hidden).unsqueeze(-1)
        scale = squares.div_(hidden.shape[-1]).add_(epsilon).rsqrt_()
        normed: torch.Tensor = hidden * scale
        ctx.save_for_backward(normed, scale)
        return normed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        normed, scale = ctx.saved_tensors
        mean = torch.linalg.vecdot(gradient, normed).unsqueeze(-1).div_(-normed.shape[-1])
        return torch.addcmul(gradient, normed, mean).mul_(scale), None


def rms_norm(hidden: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Return (..., d) divided by its root mean square, in float32."""
    output: torch.Tensor = _RMSNorm.apply(hidden.float(), epsilon)  # type: ignore[no-untyped-call]
    return output


class _GatedGelu(torch.autograd.Function):
    """gelu(first half) * second half of the last dimension, saving nothing but its input."""

    @staticmethod
    def forward(ctx: Any, inner: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(inner)
        gate, linear = inner.chunk(2, dim=-1)
        return F.gelu(gate, approximate="tanh").mul_(linear)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (inner,) = ctx.saved_tensors
        gate, linear = inner.chunk(2, dim=-1)
        output = torch.empty_like(inner)
        to_gate, to_linear = output.chunk(2, dim=-1)
        torch.mul(gradient, F.gelu(gate, approximate="tanh"), out=to_linear)
        torch.ops.aten.gelu_backward.grad_input(
            gradient * linear, gate, approximate="tanh", grad_input=to_gate
        )
        return output


def gated_activation(inner: torch.Tensor, activation: Any, name: str) -> torch.Tensor:
    """Return activation(first half) * second half of the last dimension, (..., 2 d_ff) -> (..., d_ff).

    ``name`` is the activation's name in ``transformers``: gelu_new, T5's, has a kernel of its own.
    """
    if name == "gelu_new":
        output: torch.Tensor = _GatedGelu.apply(inner)  # type: ignore[no-untyped-call]
        return output
    gate, linear = inner.chunk(2, dim=-1)
    product: torch.Tensor = activation(gate) * linear
    return product


def _softmax_gradient(gradient: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Return the gradient before a softmax from the one after it, in place."""
    torch.ops.aten._softmax_backward_data.out(
        gradient, probabilities, -1, probabilities.dtype, grad_input=gradient
    )
    return gradient


class _SelfAttention(torch.autograd.Function):
    """softmax(q k + bias) v of each prompt of a packed tensor; probabilities are recomputed, not kept.

    ``scaled_dot_product_attention`` has the same forward kernel, but no gradient for the bias.
    """

    @staticmethod
    def forward(
        ctx: Any, projected: torch.Tensor, bias: torch.Tensor, blocks: Sequence[Block]
    ) -> torch.Tensor:
        tokens, _, heads, width = projected.shape
        output = projected.new_empty(tokens, heads, width)
        normalizers = []
        for block in blocks:
            query, key, value = block.split(projected).permute(2, 0, 3, 1, 4)  # (count, heads, length, d_kv)
            attended, normalizer = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                query, key, value, attn_mask=bias[None, :, : block.length, : block.length], scale=1.0
            )
            block.split(output).copy_(attended.transpose(1, 2))
            normalizers.append(normalizer)
        ctx.blocks = blocks
        ctx.save_for_backward(projected, bias, *normalizers)
        return output.flatten(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        projected, bias, *normalizers = ctx.saved_tensors
        to_projected = torch.empty_like(projected)
        to_bias = torch.zeros_like(bias) if ctx.needs_input_grad[1] else None
        gradient = gradient.view(len(projected), *projected.shape[2:])
        for block, normalizer in zip(ctx.blocks, normalizers, strict=True):
            length = block.length
            query, key, value = block.split(projected).permute(2, 0, 3, 1, 4)  # (count, heads, length, d_kv)
            to_query, to_key, to_value = block.split(to_projected).permute(2, 0, 3, 1, 4)
            to_output = block.split(gradient).transpose(1, 2)
            scores = torch.matmul(query, key.transpose(2, 3)).float().add_(bias[:, :length, :length])
            probabilities = scores.sub_(normalizer.unsqueeze(-1)).exp_().to(value.dtype)
            to_value.copy_(torch.matmul(probabilities.transpose(2, 3), to_output))
            to_scores = _softmax_gradient(torch.matmul(to_output, value.transpose(2, 3)), probabilities)
            if to_bias is not None:
                to_bias[:, :length, :length].add_(to_scores.sum(0))
            to_query.copy_(torch.matmul(to_scores, key))
            to_key.copy_(torch.matmul(to_scores.transpose(2, 3), query))
        return to_projected, to_bias, None


class _CrossAttention(torch.autograd.Function):
    """softmax(q e) e of each prompt: queries (n, m, d) over packed encodings (T, d)."""

    @staticmethod
    def forward(
        ctx: Any, queries: torch.Tensor, encoded: torch.Tensor, blocks: Sequence[Block], keep: bool
    ) -> torch.Tensor:
        output = torch.empty_like(queries)
        kept = []
        for block in blocks:
            states = block.split(encoded)  # (count, length, d)
            probabilities = torch.bmm(queries[block.prompts], states.transpose(1, 2)).softmax(-1)
            torch.bmm(probabilities, states, out=output[block.prompts])
            if keep:
                kept.append(probabilities)
        ctx.blocks = blocks
        ctx.save_for_backward(queries, encoded, *kept)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        queries, encoded, *kept = ctx.saved_tensors
        to_queries = torch.empty_like(queries)
        to_encoded = torch.empty_like(encoded) if ctx.needs_input_grad[1] else None
        for block, probabilities in zip(ctx.blocks, kept, strict=True):
            states, to_output = block.split(encoded), gradient[block.prompts]
            to_scores = _softmax_gradient(torch.bmm(to_output, states.transpose(1, 2)), probabilities)
            torch.bmm(to_scores, states, out=to_queries[block.prompts])
            if to_encoded is not None:
                part = torch.bmm(probabilities.transpose(1, 2), to_output, out=block.split(to_encoded))
                part.baddbmm_(to_scores.transpose(1, 2), queries[block.prompts])
        return to_queries, to_encoded, None, None


def self_attention(projected: torch.Tensor, bias: torch.Tensor, groups: Sequence[Group]) -> torch.Tensor:
    """Return attention within each prompt, (T, heads * d_kv), unscaled as in T5.

    Args:
        projected: queries, keys and values of packed tokens, (T, 3, heads, d_kv).
        bias: position bias, (heads, longest, longest).
        groups: where the prompts lie.
    """
    if projected.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            output: torch.Tensor = _SelfAttention.apply(  # type: ignore[no-untyped-call]
                projected, bias.to(projected.dtype), _blocks(groups, projected.shape[2])
            )
        return output
    attended = []
    for group in groups:
        query, key, value = group.split(projected).permute(2, 0, 3, 1, 4)  # (count, heads, length, d_kv)
        offsets = bias[None, :, : group.length, : group.length]
        offsets = offsets if group.mask is None else offsets + group.mask
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=offsets.to(query.dtype), scale=1.0
        )
        attended.append(mixed.transpose(1, 2).flatten(0, 1).flatten(1))
    return torch.cat(attended)


def cross_attention(queries: torch.Tensor, encoded: torch.Tensor, groups: Sequence[Group]) -> torch.Tensor:
    """Return each prompt's encodings averaged by attention, (n, m, d).

    Args:
        queries: m queries for each of n prompts, in the space of the encodings, (n, m, d).
        encoded: packed encodings, (T, d).
        groups: where the prompts lie.
    """
    encoded = encoded.to(queries.dtype)
    if queries.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            output: torch.Tensor = _CrossAttention.apply(  # type: ignore[no-untyped-call]
                queries.contiguous(), encoded, _blocks(groups, queries.shape[1]), torch.is_grad_enabled()
            )
        return output
    mixed = []
    for group in groups:
        states = group.split(encoded)  # (count, length, d)
        mask = None if group.mask is None else group.mask[:, 0].to(queries.dtype)
        mixed.append(
            F.scaled_dot_product_attention(queries[group.prompts], states, states, attn_mask=mask, scale=1.0)
        )
    return torch.cat(mixed)


def _blocks(groups: Sequence[Group], heads: int) -> list[Block]:
    """Return groups cut into blocks whose scores fit a core's cache; on a CPU groups hold no padding."""
    blocks = []
    for group in groups:
        size = max(1, BLOCK_SCORES // (heads * group.length**2))
        for first in range(0, group.count, size):
            count = min(size, group.count - first)
            start, prompt = group.tokens.start + first * group.length, group.prompts.start + first
            tokens = slice(start, start + count * group.length)
            blocks.append(Group(tokens, slice(prompt, prompt + count), count, group.length, None))
    return blocks
