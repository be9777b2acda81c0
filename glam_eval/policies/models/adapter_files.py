"""Directories of `peft`: adapters without the model that they are for, written, read and merged into it."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from transformers.pytorch_utils import Conv1D

from glam_eval.core.errors import UserError, first_line
from glam_eval.policies.models.adapters import peft_module
from glam_eval.policies.models.directories import CONFIG_FILE, read_tokenizer
from glam_eval.policies.models.stored import check_numbers, read_json, read_pickled, read_safetensors, shown

ADAPTERS_FILE = "adapter_config.json"
_PREFIX = "base_model.model."  # peft's wrapper around a model, in the names of its files
_WEIGHTS = {"adapter_model.safetensors": read_safetensors, "adapter_model.bin": read_pickled}

# What of an adapter_config.json shapes adapters; the rest says how they began, or names modules to import.
_SHAPING = (
    "r", "lora_alpha", "target_modules", "exclude_modules", "modules_to_save", "bias", "fan_in_fan_out",
    "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern",
)  # fmt: skip
# Of these any makes adapters more than a product of two matrices, which is all that we merge without peft.
_BEYOND = ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save")


def holds_adapters_alone(directory: Path) -> bool:
    """Whether a directory is one of ``peft``'s: adapters without the model that they are for."""
    return (directory / ADAPTERS_FILE).exists() and not (directory / CONFIG_FILE).exists()


def write_adapters(model: Any, config: Any, base: str, directory: Path) -> None:
    """Write a model's adapters as ``peft`` does, for ``peft`` and the hub to take.

    Args:
        model: with adapters inside, as ``add_adapters`` puts them.
        config: what that returned.
        base: name of the model that they are for.
        directory: where to write.
    """
    values = {**config.to_dict(), "base_model_name_or_path": base, "inference_mode": True}
    text = json.dumps(values, indent=2, sort_keys=True, default=sorted)
    (directory / ADAPTERS_FILE).write_text(text + "\n", encoding="utf-8")
    weights = {stored: tensor.contiguous() for stored, tensor in _own(model).items()}
    safetensors.torch.save_file(weights, directory / "adapter_model.safetensors", metadata={"format": "pt"})


def load_adapters(model: Any, directory: Path) -> None:
    """Copy a directory's adapters into those inside a model, exactly.

    Raises:
        UserError: if they are not this model's.
    """
    stored, own = _adapter_weights(directory), _own(model)
    if stored.keys() != own.keys() or any(stored[name].shape != own[name].shape for name in own):
        raise UserError(f"{directory} holds other adapters than the run's policy.lora describes")
    for name, tensor in own.items():
        tensor.copy_(stored[name])


def _own(model: Any) -> dict[str, torch.Tensor]:
    """Return the adapters inside a model, without gradients, by ``peft``'s names in files."""
    return {
        _PREFIX + name.replace(".default.", "."): tensor
        for name, tensor in model.state_dict().items()
        if ".lora_" in name
    }


def open_adapters(directory: Path, load: Callable[[str], tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return the model that a directory's adapters are for, with their updates added in, and its tokenizer.

    Plain adapters need no ``peft`` for that.

    Args:
        directory: of ``peft``'s ``save_pretrained``.
        load: what returns a model by name and its tokenizer.

    Raises:
        UserError: if they are no LoRA adapters, incomplete, or their model can't be loaded.
    """
    values = read_json(directory / ADAPTERS_FILE)
    if values.get("peft_type") != "LORA":
        raise UserError(f"its adapters are of type {values.get('peft_type')!r}: LORA is supported")
    model, tokenizer = load(_base(values))
    weights = _adapter_weights(directory)
    model = merge_adapters(model, values, weights)
    if (directory / "tokenizer_config.json").exists():
        tokenizer = read_tokenizer(directory, model.config)
    return model, tokenizer


def merge_adapters(model: Any, values: dict[str, Any], weights: dict[str, torch.Tensor]) -> Any:
    """Return a model with adapters' updates in its weights, through ``peft`` where it is installed.

    Args:
        model: the adapters' own.
        values: of their adapter_config.json.
        weights: of the adapters, by their names in files.

    Raises:
        UserError: if they don't fit, or are of a kind that needs ``peft``.
    """
    try:
        peft = peft_module()
    except UserError:
        if any(values.get(name) for name in _BEYOND) or values.get("bias", "none") != "none":
            raise
        return _merge_plain(model, values, weights)
    try:
        config = peft.LoraConfig(**{name: values[name] for name in _SHAPING if name in values})
        adapted = peft.get_peft_model(model, config)
        report = peft.set_peft_model_state_dict(adapted, weights)
    except Exception as error:  # peft and torch say in many ways that adapters and model don't fit
        raise UserError(f"its adapters don't fit their model: {first_line(error)}") from error
    missing = [name for name in report.missing_keys if "lora_" in name]
    if missing or report.unexpected_keys:
        kind, names = ("lack", missing) if missing else ("also hold", report.unexpected_keys)
        raise UserError(f"its adapters {kind} {shown(sorted(names)[0])}: they are not this model's")
    return adapted.merge_and_unload().requires_grad_(True).eval()


@torch.no_grad()
def _merge_plain(model: Any, values: dict[str, Any], weights: dict[str, torch.Tensor]) -> Any:
    """Return a model with the products of adapters' matrices added to its weights."""
    try:
        rank = values["r"]
        scale = values["lora_alpha"] / (math.sqrt(rank) if values.get("use_rslora") else rank)
        left = dict(weights)
        for name in [each for each in weights if each.endswith(".lora_A.weight")]:
            path = name.removeprefix(_PREFIX).removesuffix(".lora_A.weight")
            layer = model.get_submodule(path)
            update = scale * left.pop(name.replace(".lora_A.", ".lora_B.")) @ left.pop(name)
            layer.weight += update.T if isinstance(layer, Conv1D) else update
    except (AttributeError, KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"its adapters don't fit their model: {first_line(error)}") from error
    if left:
        raise UserError(f"its adapters also hold {shown(sorted(left)[0])}: merging those needs peft")
    return model


def _base(values: dict[str, Any]) -> str:
    """Return the name or directory of the model that adapters are for."""
    name = values.get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise UserError(f"its {ADAPTERS_FILE} names no base_model_name_or_path")
    if holds_adapters_alone(Path(name).expanduser()):
        raise UserError(f"its {ADAPTERS_FILE} names adapters as their model: {shown(name)}")
    return name


def _adapter_weights(directory: Path) -> dict[str, torch.Tensor]:
    for name, read in _WEIGHTS.items():
        if (directory / name).exists():
            weights = dict(read(directory / name))
            check_numbers(name, weights, "no adapter that can be used")
            return weights
    raise UserError(f"it holds no weights: expected {' or '.join(_WEIGHTS)}")
