"""GGUF files, quantised or not, as plain Hugging Face directories of float32 weights."""

import copy
import errno
import importlib.util
import io
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from glam_eval.core.errors import UserError, first_line
from glam_eval.core.files import UNFINISHED, require_regular
from glam_eval.policies.models.directories import check_report, open_directory
from glam_eval.policies.models.quiet import quiet
from glam_eval.policies.scoring.families import check_family

_MAGIC = b"GGUF"


def check_reader() -> None:
    """Raise a UserError unless the package that reads GGUF files is installed."""
    if importlib.util.find_spec("gguf") is None:
        raise UserError("GGUF files need the package gguf: pip install 'glam-eval[gguf]'")


def convert_gguf(file: Path, out: Path) -> None:
    """Write the model and the tokenizer of a GGUF file as a directory, whole or not at all.

    Args:
        file: the GGUF file.
        out: a directory that doesn't exist.

    Raises:
        UserError: if the file is damaged or no such file, its family isn't supported, the package gguf isn't
            installed, or there is no space.
    """
    check_reader()
    require_regular(file, "give a GGUF file")
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            raise UserError(f"{str(file)!r} is no GGUF file")
    model, tokenizer = _read(file)
    with whole_directory(out) as unfinished, quiet():
        model.save_pretrained(unfinished)
        tokenizer.save_pretrained(unfinished)
        open_directory(unfinished)


def _read(file: Path) -> tuple[Any, Any]:
    """Return the model of a GGUF file without the traces of its quantisation, and its tokenizer."""
    place: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    try:
        with quiet(), redirect_stderr(io.StringIO()):  # the reader draws a bar of its own
            config = AutoConfig.from_pretrained(file.parent, **place)
            check_family(config.model_type)
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                file.parent, dtype=torch.float32, output_loading_info=True, **place
            )
            tokenizer = AutoTokenizer.from_pretrained(file.parent, **place)
    except UserError as error:
        raise UserError(f"{str(file)!r}: {error}") from None
    except Exception as error:  # the readers stumble over damage in as many ways as there are
        raise UserError(f"{str(file)!r} can't be read as a model: {first_line(error)}") from error
    read, report = loaded
    check_report(read, report)
    plain = copy.deepcopy(read.config)
    del plain.quantization_config
    model = type(read)(plain)
    model.load_state_dict(read.state_dict())
    return model, tokenizer


@contextmanager
def whole_directory(target: Path) -> Iterator[Path]:
    """Give a directory to write into that then becomes ``target``: whole, or not at all.

    Raises:
        UserError: if there is no space for it, or the place can't be written.
    """
    unfinished = target.parent / f".{secrets.token_hex(8)}{UNFINISHED}"
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(target)
    except (OSError, SafetensorError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise UserError(f"no space left for {str(target)!r}: free some and do it again") from error
        if getattr(error, "errno", None) == errno.ENOTEMPTY and target.is_dir():  # another process was faster
            return
        raise UserError(f"{str(target)!r} can't be written: {first_line(error)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
