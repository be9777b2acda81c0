"""Attention in bfloat16 on a CPU, its backward pass written by hand: torch's own takes twice the time."""

from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from glam_eval.policies.scoring.kernels.aten import softmax_gradient


class _HalfAttention(torch.autograd.Function):
    """``scaled_dot_product_attention``; its probabilities are computed again, from scores in float32."""

    @staticmethod
    def forward(
        ctx: Any,
        queries: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        mask: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """Return the mixed values, (B, heads, Q, d)."""
        ctx.save_for_backward(queries, keys, values, mask)
        ctx.scale = scale
        return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by queries, keys and values."""
        queries, keys, values, mask = ctx.saved_tensors
        query, key, value, to_output = (
            each.reshape(-1, *each.shape[2:]) for each in (queries, keys, values, gradient)
        )
        scores = torch.bmm(query.float().mul_(ctx.scale), key.float().transpose(1, 2))
        scores.view(*queries.shape[:3], -1).add_(mask)
        probabilities = torch.softmax(scores, -1, out=scores).to(query.dtype)
        to_scores = torch.bmm(to_output, value.transpose(1, 2))
        softmax_gradient(to_scores, probabilities)
        to_scores.mul_(ctx.scale)
        return (
            torch.bmm(to_scores, key).view(queries.shape),
            torch.bmm(to_scores.transpose(1, 2), query).view(keys.shape),
            torch.bmm(probabilities.transpose(1, 2), to_output).view(values.shape),
            None,
            None,
        )


def attend(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, scale: float
) -> torch.Tensor:
    """Return attention's output, (B, heads, Q, d), by whichever code is fastest where the tensors are.

    Args:
        queries: (B, heads, Q, d).
        keys: (B, heads, K, d).
        values: (B, heads, K, d).
        mask: (B, 1, Q, K), added to scores.
        scale: of the scores.
    """
    by_hand = queries.device.type == "cpu" and queries.dtype == torch.bfloat16
    if by_hand and torch.is_grad_enabled():
        output: torch.Tensor = _HalfAttention.apply(queries, keys, values, mask, scale)  # type: ignore[no-untyped-call]
        return output
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scale)
