"""Checkpoints of the paper's released code (flowersteam/Grounding_LLMs_with_online_RL) as ours.

A ``model.checkpoint`` is a state dict that ``torch.save`` wrote. The names in it begin ``module.`` where it
was trained by several processes; the language model is under ``_LLM_model.``, or bare for cloned agents.
"""

import pickle
import pickletools
import re
from collections.abc import Mapping
from pathlib import Path

import torch

from glam_eval.config.run import RunConfig
from glam_eval.core.errors import UserError
from glam_eval.policies import LanguageModelPolicy, PolicyOptions, load_model
from glam_eval.training.checkpoints import CheckpointStore

_MODEL = "_LLM_model."
_OTHER = "_module_functions."
_HEADS = {
    "_module_functions.value.value_head_op.": "value.layers.",
    "_module_functions.policy_head.action_heads_op.": "action.layers.",
}
_ACTION_SETS = {3: "restricted", 6: "canonical", 9: "augmented"}
# Weights that T5 had in early versions of transformers, and never used.
_OBSOLETE = {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"}

Weights = Mapping[str, torch.Tensor]


def import_checkpoint(
    file: Path, model: str, out: Path, level: str, actions: str = "canonical", end_of_sequence: bool = False
) -> Path:
    """Write a released checkpoint as one of ours in ``out`` and return its directory.

    ``model`` is the Hugging Face name or directory of the model it was trained from; ``level`` and
    ``actions`` what it was trained on; ``end_of_sequence`` is for checkpoints from before November 2023. A
    missing value head is a new one.

    Raises:
        UserError: if the file is not a state dict of tensors, or of another model.
    """
    weights, heads = split_state(read_state(file))
    language_model, tokenizer = load_model(model)
    _check_fit(file, model, weights, language_model.state_dict(), dict(language_model.named_parameters()))
    language_model.load_state_dict(weights, strict=False)
    hidden = next((len(tensor) for name, tensor in heads.items() if name.endswith("layers.0.weight")), 1024)
    by_head = "action.layers.4.weight" in heads
    if by_head:
        outputs = len(heads["action.layers.4.weight"])
        if outputs not in _ACTION_SETS:
            raise UserError(f"{file} has an action head of {outputs} outputs: only 3, 6 or 9 can be read")
        actions = _ACTION_SETS[outputs]
    config = RunConfig.parse(
        {
            "agent": "aflan" if by_head else "gflan",
            "model": model,
            "environment": {"level": level, "actions": actions},
            "policy": {"head_hidden": hidden, "end_of_sequence": end_of_sequence},
        },
        source=str(file),
    )
    options = PolicyOptions(
        action_choice=config.policy.action_choice,
        actions_count=len(heads["action.layers.4.weight"]) if by_head else 6,
        head_hidden=hidden,
        end_of_sequence=end_of_sequence,
    )
    policy = LanguageModelPolicy(language_model, tokenizer, options)
    _load_heads(file, policy, heads)
    state = {"config": config.model_dump(mode="json"), "update": 0, "episodes": 0, "protocols": []}
    return CheckpointStore(out).write(0, policy.save, state)


def read_state(file: Path) -> Weights:
    """Return a state dict from a file that may hold tensors only: no code in it is ever run."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"no checkpoint file {str(file)!r}: give a model.checkpoint") from None
    except pickle.UnpicklingError as error:
        if re.search(r"unsupported (global|class)", str(error), re.IGNORECASE) or _imports(file):
            raise UserError(f"{file} holds code, not tensors alone: it is refused, nothing was run") from None
        raise UserError(f"{file} is damaged, or no file of torch.save") from None
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError):
        raise UserError(f"{file} is damaged, or no file of torch.save") from None
    if not isinstance(state, Mapping) or not all(isinstance(each, torch.Tensor) for each in state.values()):
        raise UserError(f"{file} is no state dict: expected names with tensors")
    return state


def _imports(file: Path) -> bool:
    """Return whether a file is a pickle that names something to import; it is only looked at."""
    try:
        return any("GLOBAL" in code.name for code, _, _ in pickletools.genops(file.read_bytes()))
    except ValueError:
        return False


def split_state(state: Weights) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the language model's weights and the heads', by our names."""
    weights, heads = {}, {}
    for name, tensor in state.items():
        name = name.removeprefix("module.")
        prefix = next((prefix for prefix in _HEADS if name.startswith(prefix)), None)
        if prefix is not None:
            heads[_HEADS[prefix] + name.removeprefix(prefix)] = tensor
        elif not name.startswith(_OTHER):
            weights[name.removeprefix(_MODEL)] = tensor
    return weights, heads


def _check_fit(file: Path, model: str, weights: Weights, known: Weights, needed: Weights) -> None:
    """Raise a UserError unless the weights are all of the model's, and nothing else's."""
    missing = sorted(needed.keys() - weights.keys())
    strange = sorted(weights.keys() - known.keys() - _OBSOLETE)
    other = sorted(name for name in weights.keys() & known.keys() if weights[name].shape != known[name].shape)
    for names, what in ((missing, "lacks"), (strange, "also holds"), (other, "has another shape of")):
        if names:
            raise UserError(
                f"{file} is no checkpoint of {model}: it {what} {names[0]}"
                f"{f' and {len(names) - 1} more' if len(names) > 1 else ''}"
            )


def _load_heads(file: Path, policy: LanguageModelPolicy, heads: Weights) -> None:
    """Copy the heads' weights; a head that is not there keeps its new ones."""
    for head, module in policy.heads.items():
        own = {name.removeprefix(f"{head}."): each for name, each in heads.items() if name.startswith(head)}
        try:
            if own:
                module.load_state_dict(own)
        except RuntimeError as error:
            raise UserError(f"{file}: its {head} head is not one of the released code's") from error
