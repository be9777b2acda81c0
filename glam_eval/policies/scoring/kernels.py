"""T5's element-wise and attention work in few passes over memory, with gradients written by hand.

On a CPU, attention runs on views of packed tensors, a few prompts of equal length at a time: no padding,
and the scores stay in the cache. On a GPU it runs through ``scaled_dot_product_attention`` by groups.
"""

import math
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


def softmax_gradient(gradient: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
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
            query, key, value = _by_head(block, projected)
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
        heads, width = projected.shape[2:]
        to_projected = torch.empty_like(projected)
        to_bias = torch.zeros_like(bias) if ctx.needs_input_grad[1] else None
        gradient = gradient.view(-1, heads, width)
        # The same memory for every block: it is still in the cache.
        largest = max(heads * block.count * block.length**2 for block in ctx.blocks)
        scores_memory = bias.new_empty(largest, dtype=torch.float32)
        gradient_memory = projected.new_empty(largest)
        for block, normalizer in zip(ctx.blocks, normalizers, strict=True):
            four = (block.count, heads, block.length, block.length)
            three, size = (-1, *four[2:]), math.prod(four)
            scores, to_scores = scores_memory[:size].view(three), gradient_memory[:size].view(three)
            query, key, value = (_flat(part) for part in _by_head(block, projected))
            to_output = _flat(_by_head(block, gradient[:, None])[0])
            part_of_bias = (slice(None), slice(block.length), slice(block.length))
            torch.sub(bias[part_of_bias], normalizer.unsqueeze(-1), out=scores.view(four))
            if query.dtype == scores.dtype:
                scores.baddbmm_(query, key.transpose(1, 2))
            else:
                scores.add_(torch.bmm(query, key.transpose(1, 2)))
            probabilities = scores.exp_().to(query.dtype)
            torch.bmm(to_output, value.transpose(1, 2), out=to_scores)
            softmax_gradient(to_scores, probabilities)
            if to_bias is not None:
                to_bias[part_of_bias].add_(to_scores if block.count == 1 else to_scores.view(four).sum(0))
            gradients = (
                torch.bmm(to_scores, key),
                torch.bmm(to_scores.transpose(1, 2), query),
                torch.bmm(probabilities.transpose(1, 2), to_output),
            )
            for to_part, part in zip(_by_head(block, to_projected), gradients, strict=True):
                to_part.copy_(part.view(to_part.shape))
        return to_projected, to_bias, None


def _by_head(block: Block, packed: torch.Tensor) -> torch.Tensor:
    """Return a block's part of (T, parts, heads, d_kv) as a view (parts, count, heads, length, d_kv)."""
    return block.split(packed).permute(2, 0, 3, 1, 4)


def _flat(part: torch.Tensor) -> torch.Tensor:
    """Return (count, heads, length, d_kv) as (count * heads, length, d_kv), copied unless count is 1."""
    return part.squeeze(0) if len(part) == 1 else part.flatten(0, 1)


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
