"""The pretrained weights that ship with the package: bfloat16 files, one directory a rung, with checksums.

Until any rung is released there is no such directory, and every rung is its random twin.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from glam_eval.core.errors import UserError, unknown
from glam_eval.policies.models.shapes import LADDER

LADDER_DIRECTORY = Path(__file__).parent / "ladder"
WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "MODEL_CARD.md"
SHARED = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")  # T5's names for shared.weight
FACTS_FILE = "pretraining.json"  # recipe, losses, and the SHA-256 of the other files


def shipped_rungs() -> list[str]:
    """Return the rungs whose pretrained weights ship with the package, smallest first."""
    return [name for name in LADDER if (LADDER_DIRECTORY / name / WEIGHTS_FILE).is_file()]


def read_facts(name: str) -> dict[str, Any]:
    """Return what is recorded of a shipped rung's pretraining.

    Raises:
        UserError: if the rung doesn't ship.
    """
    facts: dict[str, Any] = json.loads((_directory(name) / FACTS_FILE).read_text(encoding="utf-8"))
    return facts


def read_card(name: str) -> str:
    """Return a shipped rung's model card, Markdown.

    Raises:
        UserError: if the rung doesn't ship.
    """
    return (_directory(name) / CARD_FILE).read_text(encoding="utf-8")


def read_weights(name: str) -> dict[str, torch.Tensor]:
    """Return a shipped rung's state dict as float32, checked against its checksum.

    Raises:
        UserError: if the rung doesn't ship, or its file is not the one released.
    """
    file = _directory(name) / WEIGHTS_FILE
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != read_facts(name)["sha256"][WEIGHTS_FILE]:
        raise UserError(f"the weights of {name} are damaged ({file}): install glam-eval again")
    state = {key: tensor.float() for key, tensor in safetensors.torch.load(content).items()}
    return state | dict.fromkeys(SHARED, state["shared.weight"])


def _directory(name: str) -> Path:
    if name not in LADDER:
        raise unknown("rung of the ladder", name, LADDER)
    if name not in shipped_rungs():
        raise UserError(
            f"no pretrained weights of {name} ship: make them with `glam-eval models pretrain {name}`, "
            f"or take {name}-scratch"
        )
    return LADDER_DIRECTORY / name
