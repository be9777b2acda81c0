"""Files of weights, read as numbers alone: no code in them is run, no file elsewhere is read."""

import json
import pickle
import pickletools
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from glam_eval.core.errors import UserError
from glam_eval.core.files import require_regular

Weights = Mapping[str, torch.Tensor]

# As ``from_pretrained`` looks for them, in its order: one file, or an index of several.
_INDEX = ".index.json"
_ONE, _PICKLED = "model.safetensors", "pytorch_model.bin"
_PLACES = (_ONE, _ONE + _INDEX, _PICKLED, _PICKLED + _INDEX)
_FOREIGN = {"*.gguf": "GGUF", "*.h5": "TensorFlow", "*.msgpack": "Flax", "*.onnx": "ONNX", "*.pth": "another"}
_NUMBERS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
_GIT_LFS = b"version https://git-lfs"


def read_directory(directory: Path) -> dict[str, torch.Tensor]:
    """Return the weights that a Hugging Face directory holds, by their names in its files.

    Raises:
        UserError: if there are none, or a file is damaged, foreign, or holds what is no finite number.
    """
    weights: dict[str, torch.Tensor] = {}
    for file in _weight_files(directory):
        state = read_safetensors(file) if file.suffix == ".safetensors" else read_pickled(file)
        # Masks and position ids of old checkpoints are no weights, and neither are quantised ones.
        numbers = {name: tensor for name, tensor in state.items() if tensor.dtype in _NUMBERS}
        check_numbers(file.name, numbers, "no model that can be used")
        weights |= numbers
    return weights


def _weight_files(directory: Path) -> list[Path]:
    """Return the files of weights of a directory."""
    found = next((directory / name for name in _PLACES if (directory / name).exists()), None)
    if found is None:
        for pattern, kind in _FOREIGN.items():
            foreign = next(directory.glob(pattern), None)
            if foreign is not None:
                fix = ": convert it by `glam-eval models convert`" if kind == "GGUF" else ""
                raise UserError(f"its weights are in {kind} format ({foreign.name}), not in safetensors{fix}")
        raise UserError(f"it holds no weights: expected {_ONE} or {_PICKLED}")
    return _indexed(found) if found.name.endswith(_INDEX) else [found]


def _indexed(index: Path) -> list[Path]:
    """Return the files that an index names, all of them beside it."""
    places = read_json(index).get("weight_map")
    named = isinstance(places, dict) and all(isinstance(name, str) for name in places.values())
    if not named or not places:
        raise UserError(f"{index.name} names no files of weights: it has no weight_map")
    suffix = Path(index.name.removesuffix(_INDEX)).suffix
    names = sorted(set(places.values()))
    for name in names:
        if Path(name).name != name or not name.endswith(suffix):
            raise UserError(f"{index.name} names {shown(name)}, which is no {suffix} file beside it")
        if not (index.parent / name).is_file():
            raise UserError(f"{shown(name)} is missing, and {index.name} names it")
    return [index.parent / name for name in names]


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raises a UserError for any other file."""
    require_regular(file, "give a directory that save_pretrained wrote")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file.name} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{file.name} is no JSON: it is damaged") from None
    if not isinstance(values, dict):
        raise UserError(f"{file.name} is no JSON object: it is damaged")
    return values


def read_safetensors(file: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        UserError: if the file is damaged or no such file.
    """
    require_regular(file, "give a file of weights")
    try:
        return safetensors.torch.load_file(file)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{file.name} {_what_it_is(file)}") from error


def read_pickled(file: Path) -> Weights:
    """Return a state dict from a file of ``torch.save``, of tensors only: no code in it is ever run.

    Raises:
        UserError: for any other file.
    """
    require_regular(file, "give a file of weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of protocols: either it can be read or an error says so
            state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if re.search(r"unsupported (global|class)", str(error), re.IGNORECASE) or _imports(file):
            raise UserError(f"{file} holds code, not tensors alone: it is refused, nothing was run") from None
        raise UserError(f"{file} is damaged, or no file of torch.save") from None
    except Exception as error:  # torch's reader stumbles over damage in as many ways as there are
        raise UserError(f"{file} is damaged, or no file of torch.save ({type(error).__name__})") from None
    if not isinstance(state, Mapping) or not state:
        raise UserError(f"{file} is no state dict: expected names with tensors")
    for name, tensor in state.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise UserError(f"{file} is no state dict: expected names with tensors")
    return state


def check_numbers(file: str, state: Weights, what: str) -> None:
    """Raise a UserError unless all tensors are plain, finite numbers; ``what`` is what else it is."""
    for name, tensor in state.items():
        problem = _problem(tensor)
        if problem:
            raise UserError(f"{file} holds {problem} in {shown(name)}: it is {what}")


def _problem(tensor: torch.Tensor) -> str:
    """Return what is wrong with a tensor as weights of a network, nothing if it is fine."""
    if tensor.is_meta:
        return "a tensor without values"
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
        return "a sparse, quantized or nested tensor"
    if tensor.dtype not in _NUMBERS:
        return f"numbers of type {str(tensor.dtype).removeprefix('torch.')}"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return "a tensor larger than its values"  # one number stretched to any shape
    return "" if bool(torch.isfinite(tensor).all()) else "values that are not finite"


def _imports(file: Path) -> bool:
    """Return whether a file is a pickle that names something to import; it is only looked at."""
    try:
        return any("GLOBAL" in code.name for code, _, _ in pickletools.genops(file.read_bytes()))
    except ValueError:
        return False


def _what_it_is(file: Path) -> str:
    """Return what a file that should be safetensors is instead."""
    with file.open("rb") as opened:
        beginning = opened.read(len(_GIT_LFS))
    if beginning == _GIT_LFS:
        return "is a Git LFS pointer, not the weights: fetch them with `git lfs pull`"
    return "is truncated, damaged, or no safetensors file" if beginning else "is empty"


def shown(name: str) -> str:
    """Return a name from a file for a message of one line."""
    return name[:100] if name.isprintable() else ascii(name[:100])
