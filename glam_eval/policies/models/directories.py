"""A Hugging Face directory as a model that is what it says, or one line that says what it isn't.

Of a directory three things are read: the sizes in config.json, the numbers in files of weights, and the
tokenizer. Whatever else it holds or names, code and kernels to fetch above all, is never looked at.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoTokenizer
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
)

from glam_eval.core.errors import UserError, first_line
from glam_eval.policies.models.stored import read_directory, read_json, shown
from glam_eval.policies.scoring.families import check_family, longest_input

CONFIG_FILE = "config.json"
_GENERATION_FILE = "generation_config.json"

# What a config may say that is no size: where to fetch code and kernels, how outputs are packed, labels.
_NOT_READ = re.compile(
    r"auto_map|_?(attn|experts)_implementation.*|transformers_weights|trust_remote_code|custom_\w+|_name_or_path"
    r"|(torch_)?dtype|torchscript|(use_)?return_dict|output_\w+|gradient_checkpointing|is_encoder_decoder"
    r"|num_labels|id2label|label2id|pruned_heads|transformers_version|architectures"
)

# Names of dropout rates in the configs of the families supported. All are 0 for good: pretrained and
# from-scratch models must not differ in dropout, as they do in the released code.
_DROPOUTS = re.compile(r"dropout|dropout_rate|\w+_dropout|\w+_pdrop|\w*layerdrop")
_LARGER = 4  # times the numbers stored: a config of so many more is not that of the weights beside it
_NAMED = 3  # names in a message
_PROBE = "Goal of the agent: go to the red ball"


def read_config(directory: Path) -> Any:
    """Return the config of a directory's model, with every dropout rate 0.

    Raises:
        UserError: if there is none, it is damaged, or of a family that isn't supported.
    """
    if not directory.joinpath(CONFIG_FILE).exists():
        raise UserError(f"it has no {CONFIG_FILE}: give a directory that save_pretrained wrote")
    values = read_json(directory / CONFIG_FILE)
    kind = values.get("model_type")
    if not isinstance(kind, str):
        raise UserError(f"its {CONFIG_FILE} names no model_type")
    check_family(kind)
    if values.get("quantization_config"):
        raise UserError("its weights are quantised: give the model in float32, float16 or bfloat16")
    sizes = {name: value for name, value in values.items() if not _NOT_READ.fullmatch(name)}
    sizes |= dict.fromkeys(filter(_DROPOUTS.fullmatch, sizes), 0.0)
    try:
        config = CONFIG_MAPPING[kind].from_dict(sizes)
    except Exception as error:  # configs check their values by any error they like
        raise UserError(f"its {CONFIG_FILE} is no {kind} model's: {first_line(error)}") from error
    for name in filter(_DROPOUTS.fullmatch, config.to_dict()):
        setattr(config, name, 0.0)
    longest_input(config)
    if getattr(config, "attn_logit_softcapping", None):
        config._attn_implementation = "eager"  # the only one of torch's that caps, see Gemma 2's own class
    return config


def open_directory(directory: Path) -> tuple[Any, Any]:
    """Return the model of a directory in evaluation mode, float32, and its tokenizer.

    Raises:
        UserError: if weights are missing, damaged or not finite, or tokenizer and vocabulary don't fit.
    """
    config = read_config(directory)
    model = _with_weights(config, read_directory(directory))
    tokenizer = read_tokenizer(directory, config)
    check_vocabulary(model, tokenizer)
    if config.is_encoder_decoder:
        model.config.decoder_start_token_id = _start_token(directory, model)
    return model.eval(), tokenizer


def model_class(config: Any) -> Any:
    """Return the class of ``transformers`` that a config's model is of."""
    both = MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING, MODEL_FOR_CAUSAL_LM_MAPPING
    mapping = both[0] if config.is_encoder_decoder else both[1]
    return mapping[type(config)]


def _with_weights(config: Any, weights: dict[str, torch.Tensor]) -> Any:
    """Return a model of a config with exactly these weights."""
    kind = model_class(config)
    _check_amount(config, kind, weights)
    try:
        model, report = kind.from_pretrained(
            None,
            config=config,
            state_dict=weights,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the report, and refused below
        )
    except Exception as error:  # sizes that contradict each other fail in as many ways as there are layers
        raise UserError(f"its {CONFIG_FILE} makes no model: {first_line(error)}") from error
    check_report(model, report)
    return model


def _check_amount(config: Any, kind: Any, weights: dict[str, torch.Tensor]) -> None:
    """Raise a UserError where a config describes far more numbers than are stored; none are allocated."""
    layers = config.num_hidden_layers
    if not isinstance(layers, int) or layers > len(weights):
        raise UserError(f"its {CONFIG_FILE} has {layers} layers, its files {len(weights)} weights")
    try:
        with torch.device("meta"):
            needed = sum(parameter.numel() for parameter in kind(config).parameters())
    except Exception as error:
        raise UserError(f"its {CONFIG_FILE} makes no model: {first_line(error)}") from error
    stored = sum(tensor.numel() for tensor in weights.values())
    if needed > _LARGER * stored:
        raise UserError(
            f"its {CONFIG_FILE} has {needed:,} parameters, its files {stored:,}: they are not one model's"
        )


def check_report(model: Any, report: dict[str, Any]) -> None:
    """Raise a UserError unless every weight of a model came from its files, and no layer was left over."""
    missing, other = set(report["missing_keys"]), set(report["unexpected_keys"])
    if missing:
        beside = f"; it holds others, {_some(other)}" if other else ""
        raise UserError(f"weights are missing: {_some(missing)}{beside}")
    for name, stored, needed in report["mismatched_keys"]:
        raise UserError(f"{shown(name)} has shape {list(stored)}, by its {CONFIG_FILE} {list(needed)}")
    if report["error_msgs"]:
        raise UserError(f"its weights can't be read: {first_line(report['error_msgs'][0])}")
    layers = {_without_numbers(name) for name in model.state_dict()}
    left_over = {name for name in other if _without_numbers(name) in layers}
    if left_over:
        raise UserError(f"it holds weights of more layers than its {CONFIG_FILE} has: {_some(left_over)}")


def _without_numbers(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(map(shown, listed[:_NAMED])) + more


def read_tokenizer(directory: Path, config: Any) -> Any:
    """Return the tokenizer of a directory; raises a UserError if it has none that works."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(directory), config=config, local_files_only=True, trust_remote_code=False
        )
        ids = tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
    except Exception as error:  # readers of other libraries stumble over damage in as many ways as there are
        raise UserError(f"its tokenizer can't be read: {first_line(error)}") from error
    if not set(ids) - {tokenizer.unk_token_id}:
        raise UserError("its tokenizer knows no word of English: are its files missing?")
    return tokenizer


def check_vocabulary(model: Any, tokenizer: Any) -> None:
    """Raise a UserError unless every token of a tokenizer has its row in a model's embeddings."""
    rows = {len(model.get_input_embeddings().weight), len(model.get_output_embeddings().weight)}
    largest = max(tokenizer.get_vocab().values())
    if largest >= min(rows):
        raise UserError(
            f"its tokenizer has tokens up to number {largest}, its embeddings {min(rows)} rows: "
            "they are not one model's"
        )


def _start_token(directory: Path, model: Any) -> int:
    """Return the token that a decoder starts from, looked for where ``transformers`` does.

    In the config, then in the generation's; then what begins texts; T5's padding, which is what it means.
    """
    generation = {}
    if directory.joinpath(_GENERATION_FILE).exists():
        generation = read_json(directory / _GENERATION_FILE)
    sources = (model.config.to_dict(), generation)
    names = ("decoder_start_token_id", "bos_token_id", "pad_token_id")
    token = next((each[name] for name in names for each in sources if each.get(name) is not None), None)
    rows = len(model.get_input_embeddings().weight)
    if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token < rows:
        raise UserError(f"its decoder_start_token_id is {token!r}: give one of its {rows} tokens")
    return token
