"""Digests of directories by what is in them: the same weights under two paths are the same model."""

import hashlib
import json
from functools import cache
from pathlib import Path

from glam_eval.core.errors import UserError
from glam_eval.core.files import sha256_of

_DIGITS = 16
# What ``from_pretrained`` reads; heads, optimisers and notes beside a model are no part of it.
_MODEL_FILES = (
    "config.json", "generation_config.json", "adapter_config.json", "*.safetensors", "*.bin", "*.index.json",
    "*.gguf", "tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json",
    "spiece.model", "chat_template*",
)  # fmt: skip
_NOT_MODEL = ("heads.safetensors",)


def model_content(directory: Path) -> str:
    """Return the digest of the Hugging Face model, or of ``peft``'s adapters, in a directory.

    Raises:
        UserError: if the directory holds no model, or a file of it can't be read.
    """
    if not any((directory / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise UserError(f"{str(directory)!r} holds no language model: it has no config.json")
    found = {file for pattern in _MODEL_FILES for file in directory.glob(pattern)}
    own = files_content([file for file in found if file.name not in _NOT_MODEL])
    base = _model_of_adapters(directory)
    if base is None:
        return own
    return hashlib.sha256(f"{own}\0{model_content(base)}".encode()).hexdigest()[:_DIGITS]


def _model_of_adapters(directory: Path) -> Path | None:
    """Return the directory of the model that a directory of adapters alone is for, None where it has none."""
    if (directory / "config.json").is_file():
        return None
    try:
        named = json.loads((directory / "adapter_config.json").read_text())["base_model_name_or_path"]
        base = Path(named).expanduser()
    except (ValueError, KeyError, TypeError, OSError):  # loading says what is wrong with it
        return None
    return base if (base / "config.json").is_file() else None


def files_content(files: list[Path]) -> str:
    """Return the first hexadecimal digits of the SHA-256 of files' names and bytes, in the order of names."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        try:
            status = file.stat()
            content = _file_content(file, status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise UserError(f"{str(file)!r} can't be read: {error.strerror}") from None
        digest.update(f"{file.name}\0{content}\0".encode())
    return digest.hexdigest()[:_DIGITS]


@cache
def _file_content(file: Path, modified: int, size: int) -> str:  # noqa: ARG001  # a changed file is read again
    return sha256_of(file)
