"""Attention of prompts laid end to end within each of them, with T5's position bias.

In torch's operations it runs a few prompts of equal length at a time on a CPU: no padding, and the scores
stay in the cache. On a GPU it runs through ``scaled_dot_product_attention`` by groups.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.kernels import native
from glam_eval.policies.scoring.kernels.aten import softmax_gradient
from glam_eval.policies.scoring.packing import Group

Block = Group  # prompts of exactly one length, few enough for their scores to stay in the cache
BLOCK_SCORES = 1 << 17  # attention scores of a block: 512 KiB of float32


class PositionBias:
    """What an encoder adds to attention scores: it depends on key - query alone.

    Args:
        by_offset: (heads, 2 longest - 1), from 1 - longest to longest - 1.
    """

    def __init__(self, by_offset: torch.Tensor) -> None:
        self.by_offset = by_offset

    @cached_property
    def matrix(self) -> torch.Tensor:
        """Of each query and key, (heads, longest, longest): the row repeated, read one step shorter."""
        offsets = self.by_offset.shape[1]
        longest = (offsets + 1) // 2
        repeated = F.pad(self.by_offset, (0, 1)).repeat(1, longest)[:, : longest * offsets]
        return repeated.view(-1, longest, offsets)[:, :, longest - 1 :].contiguous()


class CompiledAttention(torch.autograd.Function):
    """softmax(q k + bias) v of each prompt of a packed tensor; probabilities are recomputed, not kept."""

    @staticmethod
    def forward(ctx: Any, projected: torch.Tensor, bias: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the attended values, (T, heads * d_kv), and keep each query's normalizer."""
        output, normalizers = native.attention_forward(projected, bias, lengths)
        ctx.lengths = lengths
        ctx.save_for_backward(projected, bias, output, normalizers)
        return output.flatten(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by projections and bias."""
        projected, bias, output, normalizers = ctx.saved_tensors
        gradients = native.attention_backward(
            projected, bias, ctx.lengths, output, normalizers, gradient.view(output.shape)
        )
        return *gradients, None


class _BlockedAttention(torch.autograd.Function):
    """The same in torch's operations, with the bias as a matrix.

    ``scaled_dot_product_attention`` has the same forward kernel, but no gradient for the bias.
    """

    @staticmethod
    def forward(
        ctx: Any, projected: torch.Tensor, bias: torch.Tensor, blocks: Sequence[Block]
    ) -> torch.Tensor:
        """Return the attended values, (T, heads * d_kv)."""
        tokens, _, heads, width = projected.shape
        output = projected.new_empty(tokens, heads, width)
        mask = bias.detach()[None]  # one that asks for a gradient would be given to a slower kernel
        for block in blocks:
            query, key, value = _by_head(block, projected)
            attended = F.scaled_dot_product_attention(
                query, key, value, attn_mask=mask[..., : block.length, : block.length], scale=1.0
            )
            block.split(output).copy_(attended.transpose(1, 2))
        ctx.blocks = blocks
        ctx.save_for_backward(projected, bias)
        return output.flatten(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by projections and bias."""
        projected, bias = ctx.saved_tensors
        heads, width = projected.shape[2:]
        to_projected = torch.empty_like(projected)
        to_bias = torch.zeros_like(bias) if ctx.needs_input_grad[1] else None
        gradient = gradient.view(-1, heads, width)
        # The same memory for every block: it is still in the cache.
        largest = max(heads * block.count * block.length**2 for block in ctx.blocks)
        scores_memory = bias.new_empty(largest, dtype=torch.float32)
        gradient_memory = projected.new_empty(largest)
        for block in ctx.blocks:
            four = (block.count, heads, block.length, block.length)
            three, size = (-1, *four[2:]), math.prod(four)
            scores, to_scores = scores_memory[:size].view(three), gradient_memory[:size].view(three)
            query, key, value = (_flat(part) for part in _by_head(block, projected))
            to_output = _flat(_by_head(block, gradient[:, None])[0])
            part_of_bias = (slice(None), slice(block.length), slice(block.length))
            scores.view(four).copy_(bias[part_of_bias])
            if query.dtype == scores.dtype:
                scores.baddbmm_(query, key.transpose(1, 2))
            else:
                scores.add_(torch.bmm(query, key.transpose(1, 2)))
            probabilities = torch.softmax(scores, -1, out=scores).to(query.dtype)
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


def self_attention(projected: torch.Tensor, bias: PositionBias, groups: Sequence[Group]) -> torch.Tensor:
    """Return attention within each prompt, (T, heads * d_kv), unscaled as in T5, in torch's operations.

    Args:
        projected: queries, keys and values of packed tokens, (T, 3, heads, d_kv).
        bias: of the longest prompt.
        groups: where the prompts lie.
    """
    if projected.device.type == "cpu":
        blocks = _blocks(groups, projected.shape[2])
        with torch.autocast("cpu", enabled=False):
            output: torch.Tensor = _BlockedAttention.apply(  # type: ignore[no-untyped-call]
                projected, bias.matrix.to(projected.dtype), blocks
            )
        return output
    attended = []
    for group in groups:
        query, key, value = group.split(projected).permute(2, 0, 3, 1, 4)  # (count, heads, length, d_kv)
        offsets = bias.matrix[None, :, : group.length, : group.length]
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
