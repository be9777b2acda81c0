"""LoRA adapters inside a model, through ``peft``: added, stored and merged."""

from typing import Any

import torch

from glam_eval.config.policy import LoraConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream_seed


def add_adapters(model: Any, options: LoraConfig, seed: int) -> None:
    """Put adapters into the model's target layers, in place; they change nothing until trained.

    Args:
        model: a Hugging Face model.
        options: rank, scale and targets of the adapters.
        seed: of their weights.

    Raises:
        UserError: if ``peft`` is not installed, or no layer has a target's name.
    """
    try:
        import peft
    except ImportError as error:
        raise UserError("LoRA needs the package peft: pip install 'glam-eval[lora]'") from error
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
