"""The output projection of decoder-only models, as their own classes scale and cap it."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from glam_eval.policies.scoring.decoder_only.casts import CastOnce


class Projection:
    """A model's output projection, whose weight is not cast in every call where it does not learn.

    Args:
        model: a decoder-only model, no part of whose weights is on another rank.
    """

    def __init__(self, model: Any) -> None:
        self._layer, self._weight = model.get_output_embeddings(), CastOnce()

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the layer's output (..., vocabulary) for states (..., d_model)."""
        layer, kind = self._layer, hidden.device.type
        learns = any(each.requires_grad for each in layer.parameters())
        if learns or type(layer) is not nn.Linear or not torch.is_autocast_enabled(kind):
            output: torch.Tensor = layer(hidden)
            return output
        weight = self._weight([layer.weight], torch.get_autocast_dtype(kind))
        return F.linear(hidden, weight, layer.bias)


def causal_logits(
    model: Any, hidden: torch.Tensor, project: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> torch.Tensor:
    """Return the logits (..., vocabulary) of last hidden states (..., d_model).

    Args:
        model: a decoder-only model.
        hidden: the states.
        project: its output projection; by default the model's own layer.
    """
    config = model.config
    logits: torch.Tensor = (project or model.get_output_embeddings())(hidden)
    # As Cohere's, Granite's and Gemma's own classes do.
    logits = logits * (getattr(config, "logit_scale", None) or 1)
    logits = logits / (getattr(config, "logits_scaling", None) or 1)
    cap = getattr(config, "final_logit_softcapping", None)
    return cap * torch.tanh(logits / cap) if cap else logits
