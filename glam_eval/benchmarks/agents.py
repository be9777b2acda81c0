"""How fast each agent acts and learns on one level."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glam_eval.config.agents import AGENTS, describe_agent
from glam_eval.config.run import RunConfig
from glam_eval.environments import make_environment
from glam_eval.training.actors import Actors
from glam_eval.training.agents import build_policy
from glam_eval.training.rollouts import Collector
from glam_eval.training.run import TrainingRun

SLOTS, STEPS = 32, 20  # of a measurement of acting
PHASES = ("environment", "tokenizing", "policy", "update")  # as in TrainingRecord


@dataclass(frozen=True, slots=True)
class AgentThroughput:
    """One agent's speed."""

    agent: str
    model: str
    level: str
    parameters: int
    acting: float  # environment steps a second, the policy's answers included
    learning: float  # frames a second of whole updates, NaN for agents that do not learn
    environment_share: float = math.nan  # of the updates' seconds, NaN likewise
    tokenizing_share: float = math.nan
    policy_share: float = math.nan  # scoring actions in rollouts
    update_share: float = math.nan  # gradient steps


def bench_agents(level: str, model: str, updates: int = 2, device: str = "cpu") -> Iterator[AgentThroughput]:
    """Yield the speed of every agent on a level, each after a warm-up; ``model`` is for those that need one.

    The first update of a learner is its warm-up. bc-gflan is left out: it learns as bc-bot does.
    """
    for name in AGENTS:
        if name != "bc-gflan":
            yield measure_agent(_config(name, level, model, updates + 1), device)


def _config(agent: str, level: str, model: str, updates: int) -> RunConfig:
    described = describe_agent(agent)
    values: dict[str, Any] = {
        "agent": agent,
        "model": model if described.uses_model else "none",
        "environment": {"level": level, "remembered": 1},
        "ppo": {"preset": "symbolic" if agent == "symbolic-ppo" else "small"},
        "cloning": {"transitions": 1280},
    }
    config = RunConfig.parse(values, source="bench")
    frames = 0 if described.learner == "none" else updates * config.frames_per_update
    return config.changed(frames=frames)


def measure_agent(config: RunConfig, device: str = "cpu") -> AgentThroughput:
    """Return the speed of a run's agent; of its updates, the first is a warm-up."""
    environment = make_environment(config.environment, SLOTS)
    policy = build_policy(config, len(environment.actions), device)
    collector = Collector(policy, Actors(environment, SLOTS, config.seed), config.seed)
    collector.collect(1, 1, 1.0)
    began = time.perf_counter()
    collector.collect(STEPS, 2, 1.0)
    acting = SLOTS * STEPS / (time.perf_counter() - began)
    learning, shares = math.nan, dict.fromkeys((f"{phase}_share" for phase in PHASES), math.nan)
    if config.updates:
        run = TrainingRun(config, device)
        records = [run.advance() for _ in range(config.updates)][1:]
        seconds = sum(record.seconds for record in records)
        learning = len(records) * config.frames_per_update / seconds
        shares = {
            f"{phase}_share": sum(getattr(record, f"seconds_{phase}") for record in records) / seconds
            for phase in PHASES
        }
    return AgentThroughput(
        agent=config.agent,
        model=config.model,
        level=config.environment.level,
        parameters=policy.count_parameters(),
        acting=acting,
        learning=learning,
        **shares,
    )
