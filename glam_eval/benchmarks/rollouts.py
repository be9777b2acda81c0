"""Decoder-only models on the prompts of a rollout: rates of scoring and of updates, and what limits them.

Prompts of a rollout begin alike, so that the limit counts every shared prefix once: the operations of a
tree's nodes over the matrix rate. Beside the engine stand the one before it, which computes prompts one by
one, and plain Hugging Face calls; all take turns, and time that other processes take isn't counted.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from glam_eval.benchmarks.meters import clock_of, peak_memory, reset_peak
from glam_eval.benchmarks.rival_engines import PromptByPrompt, plain_evaluate
from glam_eval.benchmarks.updates import update_step
from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.policy import PolicyConfig
from glam_eval.core.errors import UserError
from glam_eval.core.seeds import stream
from glam_eval.environments import make_environment
from glam_eval.policies.base import Policy
from glam_eval.policies.lanes import lane_count
from glam_eval.policies.language_model import LanguageModelPolicy, PreparedPrompt
from glam_eval.policies.models.counting import CountedShape, find_shape
from glam_eval.policies.models.gemm import matrix_rate
from glam_eval.policies.models.loading import load_model
from glam_eval.policies.recall import RecallingPolicy
from glam_eval.policies.scoring.decoder_only.prefixes import PrefixTree
from glam_eval.training.actors import Actors
from glam_eval.training.batches import parts_of

SLOTS, STEPS = 32, 40  # environments side by side, and their steps in a rollout, of which minibatches are
PLAIN = 4  # prompts that plain calls compute: each at full length for every action


@dataclass(frozen=True, slots=True)
class RolloutMeasurement:
    """One kind of work on one machine; medians over repeats. Rates are prompts a second, equal ones too."""

    model: str
    precision: str
    device: str
    threads: int
    level: str
    remembered: int  # observations in a prompt
    tuning: str  # lora: adapters and heads learn; full: all weights
    work: str  # score: a rollout, step by step; update: one gradient step
    prompts: int
    tokens: int  # of all prompts
    nodes: int  # of the tree of prompts and actions: what has to be computed
    rate: float
    before_rate: float  # prompt by prompt, equal prompts once; NaN where not measured
    plain_rate: float  # plain Hugging Face calls
    matrix_rate: float  # operations a second, measured beside every repeat
    fraction: float  # of the limit
    peak_memory: int  # bytes: of the process on a CPU, of tensors on a GPU


@dataclass(frozen=True, slots=True)
class Workload:
    """What is measured: rollouts of random actions."""

    level: str = "GoToLocalS5N2"
    steps: int = STEPS  # that are scored
    minibatch: int = 256
    repeats: int = 3
    compare: bool = True


def are_decoder_only(names: Sequence[str]) -> bool:
    """Whether models are decoder-only, by their configs.

    Raises:
        UserError: if some are and others not: what is measured of them differs.
    """
    shapes = [find_shape(name) for name in names]
    kinds = {isinstance(each, CountedShape) and not each.encoder_decoder for each in shapes}
    if len(kinds) > 1:
        raise UserError("decoder-only models are measured on rollouts: measure others apart from them")
    return kinds.pop()


def make_policy(name: str, tuning: str, precision: str, device: str) -> LanguageModelPolicy:
    """Return the policy that is measured: with adapters by default settings, or all its weights learning."""
    lora: dict[str, Any] = {"lora": {}} if tuning == "lora" else {}
    config = PolicyConfig.parse({"precision": precision, **lora}, source="bench")
    return LanguageModelPolicy(*load_model(name, device=device), config)


def rollout_prompts(policy: Policy, work: Workload, remembered: int) -> list[list[PreparedPrompt]]:
    """Return the prompts of a rollout of random actions, step by step, ``SLOTS`` each."""
    world = EnvironmentConfig(level=work.level, remembered=remembered)
    actors = Actors(make_environment(world, SLOTS), SLOTS, seed=0)
    draws = stream(0, "bench", "rollout").random((STEPS, SLOTS))
    rows = []
    for step in draws:
        situations = actors.situations()
        rows.append([policy.prepare(each) for each in situations])
        actors.step([int(u * len(s.actions)) for u, s in zip(step, situations, strict=True)])
    return rows


def tree_operations(
    shape: CountedShape, prompts: Sequence[PreparedPrompt], backward: int
) -> tuple[int, float]:
    """Return the nodes of prompts and actions as one tree, and the operations that they take.

    Args:
        shape: of the model.
        prompts: with their actions.
        backward: passes of a backward pass, in forward passes of what is multiplied with weights: 0 without
            one, 1 where the weights stay, 2 where they learn. Attention takes two.
    """
    layout, rows = PrefixTree().add([each.prompt for each in prompts], [each.actions for each in prompts])
    nodes, predicting = len(layout.tokens), len(np.unique(np.concatenate(rows)))
    products = 2 * nodes * shape.prompt_weights + 2 * predicting * shape.d_model * shape.vocabulary
    attention = 4.0 * shape.layers * shape.heads * shape.d_kv * float((layout.depths + 1).sum())
    return nodes, (1 + backward) * products + (3 if backward else 1) * attention


def _turns(
    works: dict[str, Callable[[], Any]], device: torch.device, precision: str, repeats: int
) -> Iterator[tuple[dict[str, float], float]]:
    """Yield, for each repeat, the seconds of every work and the matrix rate beside them."""
    clock = clock_of(device)
    for _ in range(repeats):
        limit, seconds = matrix_rate(precision, device, repeats=2, clock=clock), {}
        for name, work in works.items():
            began = clock()
            work()
            seconds[name] = clock() - began
        yield seconds, limit


def measure_rollouts(
    name: str,
    remembered: int,
    tuning: str,
    *,
    precision: str = "float32",
    device: str = "cpu",
    threads: int | None = None,
    work: Workload | None = None,
) -> list[RolloutMeasurement]:
    """Measure a decoder-only model's scoring of a rollout and its update on a minibatch of it.

    Args:
        name: of a packaged model, or a directory.
        remembered: observations in a prompt.
        tuning: lora or full.
        precision: float32 or bfloat16.
        device: cpu or a GPU.
        threads: of the processor; all of torch's by default.
        work: what is measured.

    Raises:
        UserError: if the model can't be loaded.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    work, where, shape = work or Workload(), torch.device(device), find_shape(name)
    if not isinstance(shape, CountedShape) or shape.encoder_decoder:
        raise UserError(f"{name} is not decoder-only: its engine is measured on prompts of one length")
    policy = make_policy(name, tuning, precision, device)
    steps = rollout_prompts(policy, work, remembered)
    everything = [each for step in steps for each in step]
    scored = steps[: work.steps]
    minibatch = [
        everything[i] for i in stream(0, "bench", "minibatch").permutation(len(everything))[: work.minibatch]
    ]
    facts = (name, precision, _called(where), torch.get_num_threads(), work.level, remembered, tuning)
    kinds = {
        "score": ([each for step in scored for each in step], 0),
        "update": (minibatch, 1 if tuning == "lora" else 2),
    }
    works = {"score": _scoring(policy, scored), "update": _updating(policy, minibatch)}
    peaks = {}
    for kind, ways in works.items():  # before others: what a process frees it may keep
        reset_peak(where)
        ways["engine"]()
        peaks[kind] = peak_memory(where)
    found = []
    for kind, (prompts, backward) in kinds.items():
        ways = works[kind] if work.compare else {"engine": works[kind]["engine"]}
        nodes, operations = tree_operations(shape, prompts, backward)
        rows = list(_turns(ways, where, precision, work.repeats))
        seconds = {way: statistics.median(row[way] for row, _ in rows) for way in ways}
        found.append(
            RolloutMeasurement(
                *facts, kind, len(prompts), sum(len(each.prompt) for each in prompts), nodes,
                rate=len(prompts) / seconds["engine"],
                before_rate=len(prompts) / seconds.get("before", math.nan),
                plain_rate=PLAIN / seconds.get("plain", math.nan),
                matrix_rate=statistics.median(limit for _, limit in rows),
                fraction=statistics.median(operations / row["engine"] / limit for row, limit in rows),
                peak_memory=peaks[kind],
            )
        )  # fmt: skip
    return found


def _called(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _scoring(policy: LanguageModelPolicy, steps: list[list[PreparedPrompt]]) -> dict[str, Callable[[], Any]]:
    """Return what scores a rollout: as training does, as it did before, and plain calls on few prompts."""

    def rollout(scored: Any) -> None:
        recalling = RecallingPolicy(scored)
        for step in steps:
            recalling.evaluate(step)

    return {
        "engine": partial(rollout, policy),
        "before": partial(rollout, PromptByPrompt(policy)),
        "plain": torch.no_grad()(partial(plain_evaluate, policy, steps[0][:PLAIN])),
    }


def _updating(policy: LanguageModelPolicy, minibatch: list[PreparedPrompt]) -> dict[str, Callable[[], Any]]:
    """Return what updates on a minibatch: as PPO does, as it did before, and plain calls on few prompts."""
    optimizer = torch.optim.Adam(list(policy.parameters()), lr=1e-6, fused=True)
    lanes = lane_count(policy.model.device, policy.count_parameters())
    before = PromptByPrompt(policy)

    def step(cut: Any, evaluate: Callable[..., Any], prompts: list[PreparedPrompt]) -> None:
        parts = parts_of(cut, prompts, cut.cost_at_once, lanes)
        update_step(policy, optimizer, prompts, parts, evaluate, lanes)

    return {
        "engine": partial(step, policy, policy.evaluate, minibatch),
        "before": partial(step, before, before.evaluate, minibatch),
        "plain": partial(step, before, partial(plain_evaluate, policy), minibatch[:PLAIN]),
    }
