"""The output projection of decoder-only models, as their own classes scale and cap it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from glam_eval.policies.scoring.decoder_only.linear import LinearTogether


class Projection:
    """A model's output projection, whose weight is cast once while it stays as it is.

    Args:
        model: a decoder-only model, no part of whose weights is on another rank.
    """

    def __init__(self, model: Any) -> None:
        self._layer = model.get_output_embeddings()
        self._cast = LinearTogether([self._layer]) if type(self._layer) is nn.Linear else None

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the layer's output (..., vocabulary) for states (..., d_model)."""
        kind = hidden.device.type
        if self._cast is None or not torch.is_autocast_enabled(kind):
            output: torch.Tensor = self._layer(hidden)
            return output
        return self._cast(hidden, torch.get_autocast_dtype(kind))[0]


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
