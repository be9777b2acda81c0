"""The output projection of decoder-only models, as their own classes scale and cap it."""

from typing import Any

import torch


def causal_logits(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """Return the output projection (..., vocabulary) of last hidden states (..., d_model)."""
    config = model.config
    logits: torch.Tensor = model.get_output_embeddings()(hidden)
    # As Cohere's, Granite's and Gemma's own classes do.
    logits = logits * (getattr(config, "logit_scale", None) or 1)
    logits = logits / (getattr(config, "logits_scaling", None) or 1)
    cap = getattr(config, "final_logit_softcapping", None)
    return cap * torch.tanh(logits / cap) if cap else logits
