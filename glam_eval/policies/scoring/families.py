"""The families of models that are scored exactly, and how many tokens each can be given."""

from typing import Any

from glam_eval.core.errors import UserError
from glam_eval.policies.scoring.t5 import T5_MODELS

# Families whose attention is fully described by a mask and positions; tests hold each to a plain loop.
CAUSAL_MODELS = frozenset(
    {
        "apertus", "arcee", "biogpt", "codegen", "cohere", "cohere2", "ernie4_5", "exaone4", "falcon",
        "gemma", "gemma2", "gemma3_text", "glm", "glm4", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox",
        "gptj", "granite", "helium", "hunyuan_v1_dense", "llama", "ministral", "mistral", "mixtral",
        "nanochat", "nemotron", "olmo", "olmo2", "olmo3", "olmoe", "opt", "phi", "phi3", "qwen2",
        "qwen2_moe", "qwen3", "qwen3_moe", "seed_oss", "smollm3", "stablelm", "starcoder2", "vaultgemma",
    }
)  # fmt: skip
# Their blocks attend by code of their own, so that prompts are computed one by one (``one_by_one.py``).
WITHOUT_INTERFACE = frozenset({"codegen", "falcon", "gpt_neo", "gptj"})
BART_MODELS = frozenset({"bart"})
SUPPORTED = T5_MODELS | BART_MODELS | CAUSAL_MODELS

_LAYERS = {"full_attention", "sliding_attention"}
_GROWING = {"dynamic", "longrope"}  # rotary positions that change once a text is longer than trained on


def check_family(kind: Any) -> None:
    """Raise a UserError unless models of this ``model_type`` are scored exactly."""
    if kind not in SUPPORTED:
        raise UserError(f"models of type {kind!r} are not supported: {', '.join(sorted(SUPPORTED))} are")


def longest_input(config: Any) -> int | None:
    """Return how many tokens a model scores exactly, prompt and action together; None without a limit.

    T5's positions are relative: it has none. A sliding window is a limit, because attention is full within it
    alone, and so are the positions that a model has learned or was trained on.

    Raises:
        UserError: if a layer attends in a way that a mask doesn't describe.
    """
    if config.model_type in T5_MODELS:
        return None
    other = sorted(set(getattr(config, "layer_types", None) or ()) - _LAYERS)
    if other:
        raise UserError(f"layers with {other[0]} are not supported: choose a model without")
    if getattr(config, "alibi", False):
        raise UserError("positions by ALiBi are not supported: choose a model without")
    limits = [getattr(config, "max_position_embeddings", None), _window(config), _trained_length(config)]
    return min((limit for limit in limits if limit), default=None)


def _window(config: Any) -> int | None:
    """Return the length of the sliding window, None where no layer has one."""
    window: int | None = getattr(config, "sliding_window", None)
    if config.model_type == "gpt_neo":
        return int(config.window_size) if "local" in config.attention_layers else None
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        return window if "sliding_attention" in kinds else None
    return window if getattr(config, "use_sliding_window", True) else None


def _trained_length(config: Any) -> int | None:
    """Return the length beyond which rotary positions would be computed in another way."""
    rotary = getattr(config, "rope_parameters", None) or {}
    if rotary.get("rope_type") not in _GROWING:
        return None
    length: int | None = rotary.get("original_max_position_embeddings")
    return length or getattr(config, "original_max_position_embeddings", None)
