"""Checkpoints of the paper's released code (flowersteam/Grounding_LLMs_with_online_RL) as ours.

A ``model.checkpoint`` is a state dict that ``torch.save`` wrote. The names in it begin ``module.`` where it
was trained by several processes; the language model is under ``_LLM_model.``, or bare for cloned agents.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from glam_eval.config.agents import Switches, agents_where
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.core.files import require_regular
from glam_eval.environments.catalogue import find_level
from glam_eval.language import ACTION_SETS
from glam_eval.policies import LanguageModelPolicy
from glam_eval.policies.models.stored import Weights, check_numbers, read_pickled, shown
from glam_eval.training.agents import build_policy
from glam_eval.training.checkpoints import CheckpointStore

_MODEL = "_LLM_model."
_OTHER = "_module_functions."
_HEADS = {
    "_module_functions.value.value_head_op.": "value",
    "_module_functions.policy_head.action_heads_op.": "action",
}
_LAYERS = ("0.weight", "2.weight", "4.weight")  # of a head: to hidden units, to as many, to outputs
_BY_COUNT = {len(actions): name for name, actions in ACTION_SETS.items()}
# Weights that T5 had in early versions of transformers, and never used.
_OBSOLETE = {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"}


def import_checkpoint(
    file: Path, model: str, out: Path, level: str, actions: str = "canonical", end_of_sequence: bool = False
) -> Path:
    """Write a released checkpoint as one of ours in ``out`` and return its directory.

    ``model`` is the Hugging Face name or directory of the model it was trained from; ``level`` and
    ``actions`` what it was trained on; ``end_of_sequence`` is for checkpoints from before November 2023. A
    missing value head is a new one.

    Raises:
        UserError: if the file is not a state dict of tensors, or of another model, or there is no such level.
    """
    find_level(level)
    weights, heads = split_state(file, read_state(file))
    config = _config(file, heads, model, {"level": level, "actions": actions}, end_of_sequence)
    outputs = len(ACTION_SETS[config.environment.actions])
    policy = cast("LanguageModelPolicy", build_policy(config, outputs))
    known, needed = policy.model.state_dict(), dict(policy.model.named_parameters())
    _check_fit(f"{file} is no checkpoint of {model}: it", weights, known, needed)
    policy.model.load_state_dict(weights, strict=False)
    for head, own in heads.items():
        layers: Any = policy.heads[head].layers
        needed = layers.state_dict()
        _check_fit(f"{file}: its {head} head is not one of the released code's, it", own, needed, needed)
        layers.load_state_dict(own)
    state = {"config": config.model_dump(mode="json"), "update": 0, "episodes": 0, "protocols": []}
    return CheckpointStore(out).write(0, policy.save, state)


def read_state(file: Path) -> Weights:
    """Return a state dict from a file that may hold tensors only: no code in it is ever run.

    Raises:
        UserError: for any other file, for tensors that are not stored as plain numbers, and for values that
            are not finite.
    """
    require_regular(file, "give a model.checkpoint")
    state = read_pickled(file)
    check_numbers(str(file), state, "no checkpoint of the released code")
    return state


def split_state(
    file: Path, state: Weights
) -> tuple[dict[str, torch.Tensor], dict[str, dict[str, torch.Tensor]]]:
    """Return the language model's weights, and each head's layers, by our names.

    Raises:
        UserError: if two names in it stand for one of ours.
    """
    weights: dict[str, torch.Tensor] = {}
    heads: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in state.items():
        bare = name.removeprefix("module.")
        prefix = next((prefix for prefix in _HEADS if bare.startswith(prefix)), None)
        if prefix is None and bare.startswith(_OTHER):
            continue
        group = weights if prefix is None else heads.setdefault(_HEADS[prefix], {})
        own = bare.removeprefix(prefix or _MODEL)
        if own in group:
            raise UserError(f"{file} holds {shown(own)} twice: it is no checkpoint of the released code")
        group[own] = tensor
    return weights, heads


def _config(
    file: Path,
    heads: Mapping[str, Weights],
    model: str,
    environment: dict[str, str],
    end_of_sequence: bool,
) -> RunConfig:
    """Return a run's configuration with a policy that has the heads' sizes."""
    sizes = {head: _sizes(file, head, own) for head, own in heads.items()}
    if len({hidden for hidden, _ in sizes.values()}) > 1:
        raise UserError(f"{file} has heads of different sizes: it is no checkpoint of the released code")
    by_head = "action" in sizes
    if by_head:
        outputs = sizes["action"][1]
        if outputs not in _BY_COUNT:
            counts = ", ".join(map(str, _BY_COUNT))
            raise UserError(f"{file} has an action head of {outputs} outputs: only {counts} can be read")
        environment = {**environment, "actions": _BY_COUNT[outputs]}
    policy: dict[str, Any] = {"end_of_sequence": end_of_sequence}
    if sizes:
        policy["head_hidden"] = next(iter(sizes.values()))[0]
    values = {
        "agent": agents_where(
            learner="ppo", switches=Switches(action_choice="head" if by_head else "scoring")
        )[0],
        "model": model,
        "environment": environment,
        "policy": policy,
    }
    return RunConfig.parse(values, source=str(file))


def _sizes(file: Path, head: str, own: Weights) -> tuple[int, int]:
    """Return a head's hidden units and outputs."""
    layers = [own[name] for name in _LAYERS if name in own]
    hidden = len(layers[0]) if layers and layers[0].ndim else 0
    fits = len(layers) == len(_LAYERS) and all(layer.ndim == 2 for layer in layers)
    if not fits or layers[1].shape != (hidden, hidden) or layers[2].shape[1] != hidden:
        raise UserError(f"{file}: its {head} head is not one of the released code's")
    return hidden, len(layers[2])


def _check_fit(refusal: str, weights: Weights, known: Weights, needed: Weights) -> None:
    """Raise a UserError unless the weights are all of a network's, and nothing else's."""
    missing = sorted(needed.keys() - weights.keys())
    strange = sorted(weights.keys() - known.keys() - _OBSOLETE)
    other = sorted(name for name in weights.keys() & known.keys() if weights[name].shape != known[name].shape)
    for names, what in ((missing, "lacks"), (strange, "also holds"), (other, "has another shape of")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise UserError(f"{refusal} {what} {shown(names[0])}{more}")
