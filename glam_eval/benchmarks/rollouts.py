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

SLOTS = 32  # environments side by side
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
    steps: int = 40
    minibatch: int = 256
    repeats: int = 3
    compare: bool = True


def rollout_prompts(policy: Policy, work: Workload, remembered: int) -> list[list[PreparedPrompt]]:
    """Return the prompts of a rollout of random actions, step by step, ``SLOTS`` each."""
    world = EnvironmentConfig(level=work.level, remembered=remembered)
    actors = Actors(make_environment(world, SLOTS), SLOTS, seed=0)
    draws = stream(0, "bench", "rollout").random((work.steps, SLOTS))
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
    if not isinstance(shape, CountedShape):
        raise TypeError(f"{name} is no decoder-only model")
    lora: dict[str, Any] = {"lora": {}} if tuning == "lora" else {}
    config = PolicyConfig.parse({"precision": precision, **lora}, source="bench")
    policy = LanguageModelPolicy(*load_model(name, device=device), config)
    steps = rollout_prompts(policy, work, remembered)
    everything = [each for step in steps for each in step]
    minibatch = [
        everything[i] for i in stream(0, "bench", "minibatch").permutation(len(everything))[: work.minibatch]
    ]
    facts = (name, precision, _called(where), torch.get_num_threads(), work.level, remembered, tuning)
    found = []
    for kind, prompts, backward, works in (
        ("score", everything, 0, _scoring(policy, steps, work.compare)),
        ("update", minibatch, 1 if lora else 2, _updating(policy, minibatch, work.compare)),
    ):
        nodes, operations = tree_operations(shape, prompts, backward)
        reset_peak(where)
        if kind == "update":
            works["engine"]()  # the optimiser's state is made
        else:
            policy.evaluate(steps[0][:1])
        peak = peak_memory(where)
        rows = list(_turns(works, where, precision, work.repeats))
        seconds = {each: statistics.median(row[each] for row, _ in rows) for each in works}
        fractions = [operations / row["engine"] / limit for row, limit in rows]
        found.append(
            RolloutMeasurement(
                *facts, kind, len(prompts), sum(len(each.prompt) for each in prompts), nodes,
                rate=len(prompts) / seconds["engine"],
                before_rate=len(prompts) / seconds.get("before", math.nan),
                plain_rate=PLAIN / seconds.get("plain", math.nan),
                matrix_rate=statistics.median(limit for _, limit in rows),
                fraction=statistics.median(fractions),
                peak_memory=peak,
            )
        )  # fmt: skip
    return found


def _called(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _scoring(
    policy: LanguageModelPolicy, steps: list[list[PreparedPrompt]], compare: bool
) -> dict[str, Callable[[], Any]]:
    """Return what scores a rollout: as training does, as it did before, and plain calls on few prompts."""

    def rollout(scored: Any) -> None:
        recalling = RecallingPolicy(scored)
        for step in steps:
            recalling.evaluate(step)

    works: dict[str, Callable[[], Any]] = {"engine": partial(rollout, policy)}
    if compare:
        works["before"] = partial(rollout, PromptByPrompt(policy))
        works["plain"] = torch.no_grad()(partial(plain_evaluate, policy, steps[0][:PLAIN]))
    return works


def _updating(
    policy: LanguageModelPolicy, minibatch: list[PreparedPrompt], compare: bool
) -> dict[str, Callable[[], Any]]:
    """Return what updates on a minibatch: as PPO does, as it did before, and plain calls on few prompts."""
    optimizer = torch.optim.Adam(list(policy.parameters()), lr=1e-6, fused=True)
    lanes = lane_count(policy.model.device, policy.count_parameters())
    before = PromptByPrompt(policy)
    ways: list[tuple[str, Any, Callable[..., Any], list[PreparedPrompt]]] = [
        ("engine", policy, policy.evaluate, minibatch)
    ]
    if compare:
        ways.append(("before", before, before.evaluate, minibatch))
        ways.append(("plain", before, partial(plain_evaluate, policy), minibatch[:PLAIN]))

    def step(cut: Any, evaluate: Callable[..., Any], prompts: list[PreparedPrompt]) -> None:
        parts = parts_of(cut, prompts, policy.cost_at_once, lanes)
        update_step(policy, optimizer, prompts, parts, evaluate, lanes)

    return {name: partial(step, cut, evaluate, prompts) for name, cut, evaluate, prompts in ways}
