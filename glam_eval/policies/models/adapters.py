"""LoRA adapters inside a model, through ``peft``: added, stored, merged, read from ``peft``'s directories."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from glam_eval.config.policy import LoraConfig
from glam_eval.core.errors import UserError, first_line
from glam_eval.core.seeds import stream_seed
from glam_eval.policies.models.directories import CONFIG_FILE, read_tokenizer
from glam_eval.policies.models.stored import check_numbers, read_json, read_pickled, read_safetensors, shown

ADAPTERS_FILE = "adapter_config.json"
_WEIGHTS = {"adapter_model.safetensors": read_safetensors, "adapter_model.bin": read_pickled}

# What of an adapter_config.json shapes adapters; the rest says how they began, or names modules to import.
_SHAPING = (
    "r", "lora_alpha", "target_modules", "exclude_modules", "modules_to_save", "bias", "fan_in_fan_out",
    "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern",
)  # fmt: skip


def add_adapters(model: Any, options: LoraConfig, seed: int) -> None:
    """Put adapters into the model's target layers, in place; they change nothing until trained.

    Args:
        model: a Hugging Face model.
        options: rank, scale and targets of the adapters.
        seed: of their weights.

    Raises:
        UserError: if ``peft`` is not installed, or no layer has a target's name.
    """
    peft = _peft()
    config = peft.LoraConfig(
        r=options.rank, lora_alpha=options.alpha, target_modules=list(options.targets), lora_dropout=0.0
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "model", "adapters"))
        try:
            peft.inject_adapter_in_model(config, model)
        except ValueError as error:
            targets = ", ".join(options.targets)
            raise UserError(f"no layers of the model are named {targets}: choose other targets") from error
    model.eval()


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise UserError("LoRA needs the package peft: pip install 'glam-eval[lora]'") from error
    return peft


def holds_adapters_alone(directory: Path) -> bool:
    """Whether a directory is one of ``peft``'s: adapters without the model that they are for."""
    return (directory / ADAPTERS_FILE).exists() and not (directory / CONFIG_FILE).exists()


def open_adapters(directory: Path, load: Callable[[str], tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return the model that a directory's adapters are for, with their updates added in, and its tokenizer.

    Args:
        directory: of ``peft``'s ``save_pretrained``.
        load: what returns a model by name and its tokenizer.

    Raises:
        UserError: if they are no LoRA adapters, incomplete, or their model can't be loaded.
    """
    peft = _peft()
    values = read_json(directory / ADAPTERS_FILE)
    if values.get("peft_type") != "LORA":
        raise UserError(f"its adapters are of type {values.get('peft_type')!r}: LORA is supported")
    model, tokenizer = load(_base(values))
    weights = _adapter_weights(directory)
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
    if (directory / "tokenizer_config.json").exists():
        tokenizer = read_tokenizer(directory, model.config)
    return adapted.merge_and_unload().requires_grad_(True).eval(), tokenizer


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


def _adapted(model: Any) -> dict[str, Any]:
    return {name: module for name, module in model.named_modules() if hasattr(module, "lora_A")}


def adapter_state(model: Any) -> dict[str, torch.Tensor]:
    """Return the adapters and the frozen weights under them, by their names in the state dict."""
    prefixes = tuple(f"{name}." for name in _adapted(model))
    return {name: tensor for name, tensor in model.state_dict().items() if name.startswith(prefixes)}


def merged_state(model: Any) -> dict[str, torch.Tensor]:
    """Return the state dict that the model would have without adapters, their updates added in."""
    beside = adapter_state(model)
    state = {name: tensor for name, tensor in model.state_dict().items() if name not in beside}
    with torch.no_grad():
        for name, module in _adapted(model).items():
            update = sum(module.get_delta_weight(adapter) for adapter in module.active_adapters)
            state[f"{name}.weight"] = module.base_layer.weight + update
            if module.base_layer.bias is not None:
                state[f"{name}.bias"] = module.base_layer.bias
    return state
