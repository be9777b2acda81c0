"""Costs counted without weights, against models and profilers."""

import numpy as np
import pytest
import torch
from program import answer
from tiny_models import bart, byte_level_tokenizer, causal
from torch.utils.flop_counter import FlopCounterMode
from transformers import T5Config, T5ForConditionalGeneration

from glam_eval.benchmarks import engine
from glam_eval.core.errors import UserError
from glam_eval.policies import load_model, make_model
from glam_eval.policies.models import estimate
from glam_eval.policies.models.counting import find_shape
from glam_eval.policies.models.shapes import EMBEDDED, FLAN_T5, KNOWN
from glam_eval.policies.scoring.kernels import choice
from glam_eval.policies.scoring.scores import Scorer, make_engine
from glam_eval.policies.scoring.tree import build_tree


@pytest.mark.parametrize("name", list(KNOWN))
def test_parameters_are_those_of_the_model(name):
    shape = KNOWN[name]
    with torch.device("meta"):
        model = T5ForConditionalGeneration(
            T5Config(**shape.config_values(), vocab_size=estimate.vocabulary_of(shape))
        )
    tied = sum(parameter.numel() for parameter in model.parameters())
    assert estimate.count_parameters(shape) == tied + model.shared.weight.numel()


def test_published_sizes():
    millions = [round(estimate.count_parameters(shape) / 1e6) for shape in FLAN_T5.values()]
    assert millions == [77, 248, 783, 2850, 11135]


@pytest.mark.parametrize("name", list(EMBEDDED))
def test_operations_are_those_that_run(name, monkeypatch):
    monkeypatch.setattr(choice, "fits_compiled_layer", lambda *_: False)  # no counter looks into that
    policy = engine.make_policy(EMBEDDED[name], "float32", "cpu")
    prompts = engine.make_prompts(4, 1000)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        policy._scorer.run([each.prompt for each in prompts], [each.actions for each in prompts])
    shape = EMBEDDED[name]
    lengths = [len(each.prompt) for each in prompts]
    counted = sum(estimate.forward_flops(shape, length, engine.NODES) for length in lengths)
    unseen = sum(
        shape.layers * 4 * length**2 * shape.heads * shape.d_kv for length in lengths
    )  # fused attention
    assert counter.get_total_flops() == pytest.approx(counted - unseen, rel=0.02)


@pytest.fixture
def directory_of(tmp_path):
    def write(kind):
        tokenizer = byte_level_tokenizer()
        model = bart(len(tokenizer)) if kind == "bart" else causal(kind, len(tokenizer), **LONG.get(kind, {}))
        model.save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        return str(tmp_path), model

    return write


LONG = {"gpt2": {"n_positions": 512}}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma", "opt", "bart"])
def test_operations_of_directories_are_those_that_run(kind, directory_of):
    name, model = directory_of(kind)
    shape = find_shape(name)
    assert estimate.count_parameters(shape) == sum(p.numel() for p in model.parameters())
    loaded, _ = load_model(name)
    loaded.set_attn_implementation("eager")  # whose products are counted
    scorer = Scorer(loaded, make_engine(loaded), "sum")  # of one prompt, that shares its beginning with none
    prompt = np.arange(3, 203, dtype=np.int32)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        scorer.run([prompt], [engine.ACTIONS])
    nodes = build_tree(engine.ACTIONS, 0).tokens.shape[1]
    unneeded = 0 if kind == "bart" else 2 * shape.layers * len(prompt) ** 2 * shape.heads * shape.d_kv
    counted = estimate.forward_flops(shape, len(prompt), nodes) + unneeded  # what a mask hides is computed
    assert counter.get_total_flops() == pytest.approx(counted, rel=0.02)


def test_a_directory_of_a_known_shape_is_that_shape(tmp_path):
    make_model("t5-pico", tmp_path)
    known, read = EMBEDDED["t5-pico"], find_shape(str(tmp_path))
    assert estimate.count_parameters(read) == estimate.count_parameters(known)
    assert estimate.forward_flops(read, 240, 6) == estimate.forward_flops(known, 240, 6)


def test_a_directory_is_described_by_the_program(directory_of):
    name, model = directory_of("llama")
    done = answer("models", "describe", name, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert f"{sum(p.numel() for p in model.parameters()):,} parameters" in done.stdout


def test_description_grows_with_the_model_and_depends_on_the_precision(monkeypatch):
    monkeypatch.setattr(
        estimate, "matrix_rate", lambda precision, _: 1e12 if precision == "float32" else 4e12
    )
    work = estimate.Workload(micro_batch_tokens=8192)
    small, large = (estimate.describe(f"google/flan-t5-{size}", work) for size in ("small", "xl"))
    assert small.forward_flops == pytest.approx(10e9, rel=0.1)
    assert small.frames_per_second["float32"] == pytest.approx(1e12 / (13 * small.forward_flops))
    assert small.frames_per_second["bfloat16"] == pytest.approx(4 * small.frames_per_second["float32"])
    assert 1e9 < small.update_memory["float32"] < 4e9
    assert small.update_memory["bfloat16"] < small.update_memory["float32"]
    assert large.rollout_memory["float32"] > 4 * large.parameters
    frugal = estimate.describe("google/flan-t5-small").update_memory["float32"]
    assert 16 * small.parameters < frugal < small.update_memory["float32"]
    with pytest.raises(UserError, match="unknown model 'flan'"):
        estimate.describe("flan")
