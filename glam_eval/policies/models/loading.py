"""Models by name, directory or hub id, with pretrained or random weights."""

import copy
import fnmatch
from pathlib import Path
from typing import Any, Literal, get_args

import huggingface_hub
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, T5Config

from glam_eval.core.errors import UserError, first_line, unknown
from glam_eval.core.seeds import stream_seed
from glam_eval.policies.models.adapter_files import holds_adapters_alone, open_adapters
from glam_eval.policies.models.directories import open_directory
from glam_eval.policies.models.packaged import fetch
from glam_eval.policies.models.quantization import Quantization, quantize
from glam_eval.policies.models.quiet import quiet
from glam_eval.policies.models.shapes import EMBEDDED, KNOWN, PACKAGED, SCRATCH_SUFFIX
from glam_eval.policies.models.shipped import read_weights, shipped_rungs
from glam_eval.policies.models.tokenizer import embedded_tokenizer

Precision = Literal["float32", "bfloat16"]
Source = Literal["pretrained", "random"]

# An output matrix at T5's standard deviation of 1 gives logits of standard deviation sqrt(d_model): the
# policy collapses to one action within the first updates and never learns. With 0.05 it starts near uniform.
OUTPUT_SCALE = 0.05

# Of a repository on the hub, beside the weights.
_SMALL_FILES = ("*.json", "*.model", "*.txt", "*.jinja")


def new_model(config: Any, seed: int, tied: bool) -> Any:
    """Return a model of a config with weights drawn from the seed, in evaluation mode.

    transformers 5 ties the output embeddings of every T5 built from a config; here they are tied only
    where ``tied`` says so, and start small where they are not.

    Args:
        config: a Hugging Face configuration, of an encoder-decoder or a decoder-only model.
        seed: of the weights.
        tied: whether input and output embeddings are one tensor.
    """
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(stream_seed(seed, "model", "weights"))
        model = kind.from_config(config)  # type: ignore[no-untyped-call]
        if not tied:
            output = model.get_output_embeddings()
            output.weight = nn.Parameter(torch.randn_like(output.weight) * OUTPUT_SCALE)
    return model.eval()


def make_model(name: str, directory: Path | str, seed: int = 0) -> None:
    """Write an embedded model and its tokenizer, made without any download, for ``from_pretrained``.

    Args:
        name: of an embedded model, for instance t5-nano.
        directory: where to write.
        seed: of the weights, where they are random.

    Raises:
        UserError: if no embedded model has this name.
    """
    model, tokenizer = _embedded(name, seed)
    with quiet():
        model.save_pretrained(directory)
        tokenizer.save_pretrained(directory)


def load_model(
    name_or_path: str | Path,
    *,
    device: str | torch.device = "cpu",
    precision: Precision = "float32",
    weights: Source = "pretrained",
    embeddings: Source = "pretrained",
    quantization: Quantization = "none",
    seed: int = 0,
) -> tuple[Any, Any]:
    """Return a model in evaluation mode, dropout off, and its tokenizer.

    Args:
        name_or_path: an embedded or packaged name (t5-nano, t5-nano-scratch, smollm2-135m), a directory, or a
            hub id.
        device: where the weights go.
        precision: type of the stored weights; train float32 weights and let the policy compute in bfloat16.
        weights: ``random`` draws new weights of exactly the source's architecture (the NPE and NPA agents).
        embeddings: the same of the input embeddings, and of the output's where they are one matrix (tied).
        quantization: of the linear layers, which never learn then; done before they go to the device.
        seed: of random weights, those of the ladder's ``-scratch`` twins included.

    Raises:
        UserError: for an unknown name, a directory without a model, a model that cannot be downloaded.
    """
    for kind, value, valid in (
        ("precision", precision, get_args(Precision)),
        ("weights", weights, get_args(Source)),
        ("embeddings", embeddings, get_args(Source)),
        ("quantization", quantization, get_args(Quantization)),
    ):
        if value not in valid:
            raise unknown(kind, value, valid)
    if str(name_or_path) in EMBEDDED:
        model, tokenizer = _embedded(str(name_or_path), seed)
    else:
        packaged = str(name_or_path) in PACKAGED
        model, tokenizer = _from_pretrained(str(fetch(str(name_or_path)) if packaged else name_or_path))
    if "random" in (weights, embeddings):
        model = _redraw(model, weights, embeddings, stream_seed(seed, "model", "redrawn"))
    if quantization != "none":
        quantize(model, quantization)
    return model.to(device, getattr(torch, precision)), tokenizer


def new_embedded(name: str, seed: int) -> tuple[Any, Any]:
    """Return a model of an embedded model's shape with weights drawn from the seed, and the tokenizer.

    Raises:
        UserError: if no embedded model has this name.
    """
    if name not in EMBEDDED:
        raise unknown("embedded model", name, EMBEDDED)
    tokenizer = embedded_tokenizer()
    config = T5Config(**EMBEDDED[name].config_values(), vocab_size=len(tokenizer))
    return new_model(config, seed, tied=False), tokenizer


def _embedded(name: str, seed: int) -> tuple[Any, Any]:
    """Return a rung as it ships, or a model with random weights where the name or the ladder says so."""
    model, tokenizer = new_embedded(name, seed)
    if not name.endswith(SCRATCH_SUFFIX) and shipped_rungs():
        model.load_state_dict(read_weights(name))
    return model, tokenizer


def _from_pretrained(name: str) -> tuple[Any, Any]:
    path = Path(name).expanduser()
    if not path.is_dir() and name.startswith((".", "/", "~")):
        raise UserError(f"no model directory {name!r}")
    directory = path if path.is_dir() else _downloaded(name)
    try:
        with quiet():
            if holds_adapters_alone(directory):
                return open_adapters(directory, load_model)
            return open_directory(directory)
    except UserError as error:
        raise UserError(f"cannot load model {name!r}: {error}") from error


def _downloaded(name: str) -> Path:
    """Return the directory of a model of the hub, in its cache: fetched where the hub answers."""
    offline = not _hub_answers()
    try:
        with quiet():
            weights = [] if offline else _weights_on_hub(name)
            return Path(
                huggingface_hub.snapshot_download(
                    name, local_files_only=offline, allow_patterns=[*_SMALL_FILES, *weights]
                )
            )
    except (OSError, ValueError) as error:
        if "/" not in name:
            raise unknown("model", name, [*KNOWN, *PACKAGED]) from error
        reason = first_line(error)
        if offline and isinstance(error, OSError):
            reason = "it is not in the local cache, and the Hugging Face hub can't be reached"
        raise UserError(f"cannot load model {name!r}: {reason}") from error


def _weights_on_hub(name: str) -> list[str]:
    """Return the patterns of a repository's weights: safetensors where there are any."""
    files = huggingface_hub.HfApi().list_repo_files(name)
    chosen = [file for file in files if fnmatch.fnmatch(file, "model*.safetensors")]
    return chosen or ["pytorch_model*.bin"]


def _hub_answers() -> bool:
    """Whether the Hugging Face hub can be reached, by one request: its client retries for half a minute."""
    try:
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=5)
    except Exception:  # of whichever HTTP library the client is built on, or its offline mode
        return False
    return True


def load_weights(directory: Path) -> dict[str, torch.Tensor]:
    """Return the state dict of a Hugging Face directory, shared tensors under all their names."""
    model, _ = _from_pretrained(str(directory.resolve()))
    state: dict[str, torch.Tensor] = model.state_dict()
    return state


def _redraw(source: Any, weights: Source, embeddings: Source, seed: int) -> Any:
    """Return a model of the source's architecture with new weights; tied exactly where the source is."""
    tied = source.get_output_embeddings().weight is source.get_input_embeddings().weight
    model = new_model(copy.deepcopy(source.config), seed, tied)
    embedding = model.get_input_embeddings().weight
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if (embeddings if parameter is embedding else weights) == "pretrained":
                parameter.copy_(source.get_parameter(name))
    return model
