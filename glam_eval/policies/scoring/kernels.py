"""The element-wise work of T5 in few passes over memory: normalisation, gated activation, biased attention."""

from typing import Any

import torch
import torch.nn.functional as F


def rms_norm(hidden: torch.Tensor, norm: Any) -> torch.Tensor:
    """Return T5's layer norm (no mean, no bias) of (..., d_model), computed in float32."""
    return F.rms_norm(hidden.float(), (hidden.shape[-1],), norm.weight.float(), norm.variance_epsilon)


def gated_activation(inner: torch.Tensor, activation: Any) -> torch.Tensor:
    """Return activation(first half) * second half of the last dimension, (..., 2 d_ff) -> (..., d_ff)."""
    gate, linear = inner.chunk(2, dim=-1)
    return activation(gate) * linear


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return unscaled attention (as in T5) with an additive bias; all (count, heads, length, d_kv)."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype), scale=1.0)
