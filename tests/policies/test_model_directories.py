"""Damaged, foreign and hostile directories of models: one line each, and nothing of them is run."""

import os
import pickle

import pytest
import torch
from damage import change, cut, fill, indexed, pickled, put, remove, rename, text, weights
from safetensors.torch import save_file

from glam_eval.core.errors import UserError
from glam_eval.policies import load_model

Q = "model.layers.0.self_attn.q_proj.weight"
NORM = "model.norm.weight"


class Runs:
    """Makes a file, if it is unpickled by what runs code."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


def hostile_pickle(directory):
    (directory / "model.safetensors").unlink()
    (directory / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Runs(directory / "ran")}))


DAMAGES = {
    # weights
    "no weights": (remove("model.safetensors"), "it holds no weights: expected model.safetensors"),
    "empty weights": (lambda d: cut(d / "model.safetensors", 0), "model.safetensors is empty"),
    "header cut": (lambda d: cut(d / "model.safetensors", 40), "model.safetensors is truncated"),
    "numbers cut": (lambda d: cut(d / "model.safetensors", -100), "model.safetensors is truncated"),
    "no safetensors": (text("model.safetensors", "<html>404</html>"), "no safetensors file"),
    "Git LFS pointer": (
        text("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
        "is a Git LFS pointer",
    ),
    "weights are a directory": (
        lambda d: [(d / "model.safetensors").unlink(), (d / "model.safetensors").mkdir()],
        "is no regular file",
    ),
    "one missing": (lambda d: weights(d, lambda s: s.pop(Q)), f"weights are missing: {Q}$"),
    "norm missing": (lambda d: weights(d, lambda s: s.pop(NORM)), f"weights are missing: {NORM}$"),
    "renamed": (rename(Q, "model.q"), f"weights are missing: {Q}; it holds others, model.q$"),
    "all renamed": (
        lambda d: weights(d, lambda s: [s.update({f"x.{n}": s.pop(n)}) for n in list(s)]),
        r"weights are missing: .* and \d+ more; it holds others, ",
    ),
    "no tensor": (lambda d: save_file({}, d / "model.safetensors"), "2 layers, its files 0 weights"),
    "other shape": (put(Q, torch.zeros(8, 8)), rf"{Q} has shape \[8, 8\], by its config.json \[32, 32\]"),
    "NaN": (fill(Q, torch.nan), f"holds values that are not finite in {Q}"),
    "infinite": (fill(NORM, torch.inf), f"holds values that are not finite in {NORM}"),
    "whole numbers": (put(Q, torch.zeros(32, 32, dtype=torch.int8)), f"weights are missing: {Q}"),
    "another layer": (
        lambda d: weights(d, lambda s: s.update({Q.replace("0", "2"): s[Q].clone()})),
        "more layers than its config.json has: model.layers.2",
    ),
    "GGUF": (lambda d: [remove("model.safetensors")(d), text("m.gguf", "GGUF")(d)], "models convert"),
    "TensorFlow": (
        lambda d: [remove("model.safetensors")(d), text("tf_model.h5", "x")(d)], "in TensorFlow format"
    ),
    "Flax": (
        lambda d: [remove("model.safetensors")(d), text("flax_model.msgpack", "x")(d)], "in Flax format"
    ),
    # pickles
    "code in a pickle": (hostile_pickle, "holds code, not tensors alone: it is refused, nothing was run"),
    "damaged pickle": (
        lambda d: [pickled(d), cut(d / "pytorch_model.bin", 900)], "is damaged, or no file of torch.save"
    ),
    "no pickle": (
        lambda d: [remove("model.safetensors")(d), text("pytorch_model.bin", "x")(d)], "is damaged, or no"
    ),
    "NaN in a pickle": (
        lambda d: pickled(d, lambda state: state[Q].fill_(torch.nan)), f"are not finite in {Q}"
    ),
    "stretched": (
        lambda d: pickled(d, lambda s: s.update({Q: torch.zeros(1).expand(32, 32)})), "larger than its values"
    ),
    "no state dict": (
        lambda d: pickled(d, save=lambda state, file: torch.save(list(state), file)), "is no state dict"
    ),
    # indices
    "index without map": (lambda d: indexed(d), "it has no weight_map"),
    "index of elsewhere": (lambda d: indexed(d, a="../other.safetensors"), "names ../other.safetensors"),
    "index of /etc": (lambda d: indexed(d, a="/etc/passwd"), "names /etc/passwd, which is no .safetensors"),
    "shard missing": (lambda d: indexed(d, a="model-2.safetensors"), "model-2.safetensors is missing"),
    "index no JSON": (lambda d: [indexed(d), text("model.safetensors.index.json", "{")(d)], "is no JSON"),
    # configs
    "no config": (remove("config.json"), "it has no config.json"),
    "config cut": (lambda d: cut(d / "config.json", 50), "config.json is no JSON"),
    "config a list": (text("config.json", "[]"), "config.json is no JSON object"),
    "config nested": (text("config.json", "[" * 100_000), "config.json is no JSON"),
    "config binary": (lambda d: (d / "config.json").write_bytes(b"\xff\xfe\x00"), "config.json is no JSON"),
    "no type": (lambda d: change(d, model_type=None), "names no model_type"),
    "type a list": (lambda d: change(d, model_type=["llama"]), "names no model_type"),
    "BERT": (lambda d: change(d, model_type="bert"), "'bert' are not supported: .*llama.*t5.* are$"),
    "unheard of": (lambda d: change(d, model_type="x", auto_map={"AutoConfig": "c.C"}), "'x' are not supp"),
    "quantised": (lambda d: change(d, quantization_config={"bits": 4}), "its weights are quantised"),
    "more layers": (lambda d: change(d, num_hidden_layers=3), "weights are missing: model.layers.2"),
    "fewer layers": (lambda d: change(d, num_hidden_layers=1), "more layers than its config.json has"),
    "endless layers": (lambda d: change(d, num_hidden_layers=10**9), "has 1000000000 layers, its files 21"),
    "endless vocabulary": (lambda d: change(d, vocab_size=10**12), "they are not one model's"),
    "wider": (lambda d: change(d, intermediate_size=64), r"has shape \[.*48.*\], by its config.json \[.*64"),
    "size in words": (lambda d: change(d, hidden_size="wide"), "config.json is no llama model's"),
    "negative size": (lambda d: change(d, hidden_size=-32), "config.json (is no|makes no) "),
    "no heads": (lambda d: change(d, num_attention_heads=0), "config.json (is no|makes no) "),
    "odd activation": (lambda d: change(d, hidden_act="exec"), "config.json (is no|makes no) "),
    "odd rotation": (
        lambda d: change(d, rope_parameters={"rope_type": "os.system", "rope_theta": 1.0}),
        "config.json (is no|makes no) ",
    ),
    "chunked": (lambda d: change(d, layer_types=["chunked_attention"] * 2), "chunked_attention"),
    # tokenizers
    "no tokenizer": (remove("tokenizer.json", "tokenizer_config.json"), "its tokenizer "),
    "tokenizer cut": (lambda d: cut(d / "tokenizer.json", 200), "its tokenizer can't be read"),
    "tokenizer a list": (text("tokenizer.json", "[]"), "its tokenizer can't be read"),
    "tokenizer's config": (text("tokenizer_config.json", "["), "its tokenizer can't be read"),
    "smaller vocabulary": (
        lambda d: [
            change(d, vocab_size=90, bos_token_id=None, eos_token_id=None, pad_token_id=None),
            weights(d, lambda s: s.update({n: t[:90] for n, t in s.items() if len(t) > 90})),
        ],
        "its tokenizer has tokens up to number .*, its embeddings 90 rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_directories_are_one_line(copied, damage):
    alter, message = DAMAGES[damage]
    directory = copied("llama")
    alter(directory)
    with pytest.raises(UserError, match=message) as refused:
        load_model(directory)
    assert str(refused.value).startswith(f"cannot load model {str(directory)!r}: ")
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500 + len(str(directory))
    assert not (directory / "ran").exists()
