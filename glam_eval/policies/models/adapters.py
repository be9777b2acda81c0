"""LoRA adapters inside a model, through `peft`: added to layers by family, and merged into their weights."""

from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from glam_eval.config.policy import LoraConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream_seed
from glam_eval.policies.models.quiet import quiet_bitsandbytes

_ATTENTION = ("attn", "attention")  # in the paths of layers, whatever the family


def peft_module() -> Any:
    """Return the package ``peft``; raises a UserError where it isn't installed."""
    quiet_bitsandbytes()  # which peft imports
    try:
        import peft
    except ImportError as error:
        raise UserError("LoRA needs the package peft: pip install 'glam-eval[lora]'") from error
    return peft


def target_names(model: Any, targets: str | tuple[str, ...]) -> list[str]:
    """Return the names of a model's layers to adapt, as the last part of their paths.

    Args:
        model: a Hugging Face model.
        targets: all-linear: every linear layer but the output projection; attention: those of attention; or
            the names themselves.
    """
    if not isinstance(targets, str):
        return list(targets)
    output = model.get_output_embeddings()
    paths = [
        path
        for path, layer in model.named_modules()
        if isinstance(layer, nn.Linear | Conv1D) and layer is not output
    ]
    if targets == "attention":
        paths = [path for path in paths if any(name in path.lower() for name in _ATTENTION)]
    return sorted({path.rpartition(".")[2] for path in paths})


def adapter_config(model: Any, options: LoraConfig) -> Any:
    """Return the config that ``peft`` makes a model's adapters from, and that its directories hold."""
    kind = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    return peft_module().LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        use_rslora=options.rank_stabilized,
        target_modules=target_names(model, options.targets),
        lora_dropout=0.0,
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in model.modules()),
        task_type=kind,
    )


def add_adapters(model: Any, options: LoraConfig, seed: int) -> Any:
    """Put adapters into the model's target layers, in place; they change nothing until trained.

    Args:
        model: a Hugging Face model.
        options: rank, scale and targets of the adapters.
        seed: of their weights.

    Returns:
        The config that they were made from.

    Raises:
        UserError: if ``peft`` is not installed, or no layer has a target's name.
    """
    peft, config = peft_module(), adapter_config(model, options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "model", "adapters"))
        try:
            peft.inject_adapter_in_model(config, model)
        except ValueError as error:
            targets = ", ".join(target_names(model, options.targets))
            raise UserError(f"no layers of the model are named {targets}: choose other targets") from error
    model.eval()
    return config


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
