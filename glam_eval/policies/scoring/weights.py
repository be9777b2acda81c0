"""Weights as the forward passes take them from Hugging Face modules."""

from typing import Any

import torch


def weight_of(linear: Any) -> torch.Tensor:
    """Return a linear layer's weight (out, in), with its LoRA update where ``peft`` wrapped the layer."""
    weight: torch.Tensor = linear.weight
    for adapter in getattr(linear, "active_adapters", ()):
        weight = weight + linear.get_delta_weight(adapter)
    return weight


def weights_after(norm: Any, *linears: Any) -> torch.Tensor:
    """Return linear layers' weights (sum of out, in), to apply to states without the norm's weight."""
    weights: torch.Tensor = torch.cat([weight_of(linear) for linear in linears]) * norm.weight
    return weights
