"""Measures the policy engine: prompts a second for scoring and for updates.

Beside them stand this machine's limit, and the same work by plain Hugging Face calls and by careful code on
padded batches: ratios to them hold on any machine.
"""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from transformers import T5Config

from glam_eval.benchmarks.meters import peak_memory, reset_peak
from glam_eval.benchmarks.rival_engines import padded_evaluate, plain_evaluate
from glam_eval.benchmarks.updates import update_step
from glam_eval.config.policy import PolicyConfig
from glam_eval.core.compiling import kernels
from glam_eval.core.seeds import stream
from glam_eval.policies.lanes import even_parts, lane_count
from glam_eval.policies.language_model import LanguageModelPolicy, PreparedPrompt
from glam_eval.policies.models.counting import find_shape
from glam_eval.policies.models.estimate import forward_flops, vocabulary_of
from glam_eval.policies.models.gemm import matrix_rate, synchronize
from glam_eval.policies.models.loading import load_model, new_model
from glam_eval.policies.models.shapes import KNOWN, T5Shape
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.policies.scoring.packing import batches
from glam_eval.policies.scoring.t5 import T5_MODELS
from glam_eval.policies.scoring.tree import Actions

# The canonical six actions as FLAN-T5 cuts them: turn left, turn right, go forward, pick up, drop, toggle.
ACTIONS = Actions(((10, 11), (10, 12), (13, 14), (15, 16), (17,), (18, 19, 20)), (2, 2, 2, 2, 1, 1))
NODES = 6
SCORED, UPDATED = 32, 64  # prompts of a rollout step, and of a minibatch
COMPARED_BATCH = 8  # prompts that others' code updates on at once: its memory grows with padding and actions
WARM_UPS = 2  # memory that is kept settles in the second
SHORTEST, LONGEST = 200, 280  # tokens of a prompt: three observations of 6 to 9 sentences


@dataclass(frozen=True, slots=True)
class EngineMeasurement:
    """One shape at one precision on this machine; medians over repeats."""

    model: str
    precision: str
    device: str
    threads: int
    kernels: str  # compiled or torch
    score_rate: float  # prompts a second, 32 prompts, 6 actions
    update_rate: float  # prompts a second, minibatch 64: forward, backward, clip, Adam
    peak_memory: int  # bytes: of the process on a CPU, of tensors on a GPU
    matrix_rate: float  # operations a second, measured beside every repeat
    score_fraction: float  # of the limit: operations counted / matrix rate beside it
    update_fraction: float
    plain_score_rate: float = math.nan  # of plain Hugging Face calls; NaN where not measured
    plain_update_rate: float = math.nan
    padded_score_rate: float = math.nan  # of careful code on padded batches
    padded_update_rate: float = math.nan


def make_policy(shape: T5Shape, precision: str, device: str) -> LanguageModelPolicy:
    """Return a policy of a shape with random weights.

    Args:
        shape: of the T5 model.
        precision: float32 or bfloat16.
        device: where the weights go.
    """
    config = T5Config(**shape.config_values(), vocab_size=vocabulary_of(shape))
    model = new_model(config, seed=0, tied=False).to(device)
    return LanguageModelPolicy(model, embedded_tokenizer(), _settings(precision))


def load_policy(name: str, precision: str, device: str) -> LanguageModelPolicy:
    """Return the policy that is measured: of a known shape, or of a directory with its own weights."""
    if name in KNOWN:
        return make_policy(KNOWN[name], precision, device)
    return LanguageModelPolicy(*load_model(name, device=device), _settings(precision))


def _settings(precision: str) -> PolicyConfig:
    return PolicyConfig.parse({"precision": precision}, source="bench")


def make_prompts(count: int, vocabulary: int) -> list[PreparedPrompt]:
    """Return distinct prompts of random tokens; lengths are uniform between ``SHORTEST`` and ``LONGEST``."""
    generator = stream(0, "bench", "prompts")
    lengths = generator.integers(SHORTEST, LONGEST + 1, count)
    return [
        PreparedPrompt(generator.integers(3, min(vocabulary, 1000), int(length)).astype(np.int32), ACTIONS)
        for length in lengths
    ]


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the time that work takes."""
    synchronize(device)
    began = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - began


def _rates(
    work: Callable[[], object], count: int, flops: float, device: torch.device, precision: str, repeats: int
) -> tuple[float, float, float]:
    """Return medians over repeats: prompts a second, matrix rate, and the fraction of it that work reaches.

    The matrix rate is measured right before each repeat: processors slow down and speed up by the second.
    """
    for _ in range(WARM_UPS):
        work()
    rows = []
    for _ in range(repeats):
        limit = matrix_rate(precision, device, repeats=1)
        seconds = _seconds(work, device)
        rows.append((count / seconds, limit, flops / seconds / limit))
    rate, limit, fraction = (statistics.median(column) for column in zip(*rows, strict=True))
    return rate, limit, fraction


def measure_engine(
    name: str,
    *,
    precision: str = "float32",
    device: str = "cpu",
    threads: int | None = None,
    repeats: int = 5,
    compare: bool = True,
) -> EngineMeasurement:
    """Measure a model of known shape with random weights, or a directory's, and others' code if ``compare``.

    Args:
        name: of a model whose shape is known.
        precision: float32 or bfloat16.
        device: cpu or a GPU.
        threads: of the processor; all of torch's by default.
        repeats: of which the median counts.
        compare: whether others' code does the same work.

    Raises:
        UserError: for any other name, or a directory without a model that is supported.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    shape, where = find_shape(name), torch.device(device)
    reset_peak(where)
    policy = load_policy(name, precision, device)
    prompts = make_prompts(UPDATED, vocabulary_of(shape))
    optimizer = torch.optim.Adam(list(policy.parameters()), lr=1e-6, fused=True)
    lengths = [len(each.prompt) for each in prompts]
    flops = [forward_flops(shape, length, NODES) for length in lengths]
    lanes = lane_count(where, policy.count_parameters())
    parts = even_parts(partial(batches, lengths), policy.cost_at_once, lanes)

    def score() -> None:
        with torch.no_grad():
            policy.evaluate(prompts[:SCORED])

    def update() -> None:
        update_step(policy, optimizer, prompts, parts, policy.evaluate, lanes)

    score_rate, matrices, score_fraction = _rates(
        score, SCORED, sum(flops[:SCORED]), where, precision, repeats
    )
    update_rate, more, update_fraction = _rates(update, UPDATED, 3 * sum(flops), where, precision, repeats)
    peak = peak_memory(where)
    return EngineMeasurement(
        model=name,
        precision=precision,
        device=torch.cuda.get_device_name(where) if where.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
        kernels=kernels() if where.type == "cpu" else "torch",
        score_rate=score_rate,
        update_rate=update_rate,
        peak_memory=peak,
        matrix_rate=(matrices + more) / 2,
        score_fraction=score_fraction,
        update_fraction=update_fraction,
        **(_rates_of_others(policy, optimizer, prompts) if compare else {}),
    )


def _rates_of_others(
    policy: LanguageModelPolicy, optimizer: torch.optim.Optimizer, prompts: list[PreparedPrompt]
) -> dict[str, float]:
    """Return the rates of others' code by their fields' names, each measured once after a warm-up."""
    device, rates = policy.model.device, {}
    by_length = sorted(prompts, key=lambda each: len(each.prompt))
    parts = [range(first, first + COMPARED_BATCH) for first in range(0, UPDATED, COMPARED_BATCH)]
    ways = [("plain", plain_evaluate, prompts)]
    if policy.model.config.model_type in T5_MODELS:
        ways.append(("padded", padded_evaluate, by_length))
    for way, function, updated in ways:
        evaluate = partial(function, policy)
        score = torch.no_grad()(partial(evaluate, prompts[:SCORED]))
        update = partial(update_step, policy, optimizer, updated, parts, evaluate)
        for kind, work, count in (("score", score, SCORED), ("update", update, UPDATED)):
            work()
            rates[f"{way}_{kind}_rate"] = count / _seconds(work, device)
    return rates
