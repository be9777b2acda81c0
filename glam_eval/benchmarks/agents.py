"""How fast each agent acts and learns on one level."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glam_eval.config.agents import AGENTS, Agent, describe_agent, normalising_agents
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.learners import CloningConfig
from glam_eval.config.run import RunConfig
from glam_eval.config.worlds import world_of
from glam_eval.core.records import DemonstrationRecord
from glam_eval.environments import make_environment
from glam_eval.training.actors import Actors
from glam_eval.training.agents import build_policy
from glam_eval.training.demonstrations import DemonstrationCollector
from glam_eval.training.rollouts import Collector
from glam_eval.training.run import TrainingRun

SLOTS, STEPS = 32, 20  # of a measurement of acting
TRANSITIONS = 1280  # demonstrated, to learn from in a measurement of cloning
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


def measured_agents() -> list[str]:
    """Return the agents whose speeds differ: of language models that compute the same, the last.

    How fast a server answers is not this machine's speed.
    """
    here = (agent for agent in AGENTS.values() if not agent.served)
    return list({_computation(agent): agent.name for agent in here}.values())


def measure_agents(
    level: str, model: str, updates: int = 2, device: str = "cpu"
) -> Iterator[AgentThroughput]:
    """Yield the speed of ``measured_agents`` on a level, each after a warm-up.

    ``model`` is for those that need one. The first update of a learner is its warm-up.
    """
    for name in measured_agents():
        yield measure_agent(_config(describe_agent(name), level, model, updates + 1), device)


def measure_agent(config: RunConfig, device: str = "cpu") -> AgentThroughput:
    """Return the speed of a run's agent; of its updates, the first is a warm-up."""
    environment = make_environment(config.environment, SLOTS)
    policy = build_policy(config, len(environment.actions), device)
    learning, shares = _learning(config, device) if config.updates else (math.nan, {})
    return AgentThroughput(
        agent=config.agent,
        model=config.model,
        level=config.environment.level,
        parameters=policy.count_parameters(),
        acting=_acting(Collector(policy, Actors(environment, SLOTS, config.seed), config.seed)),
        learning=learning,
        **shares,
    )


def _computation(agent: Agent) -> object:
    return (agent.learner, agent.switches, agent.goal_blind) if agent.uses_model else agent.name


def _config(agent: Agent, level: str, model: str, updates: int) -> RunConfig:
    """Return a run of some updates; small batches, sequences for agents that remember what they saw."""
    values: dict[str, Any] = {
        "agent": agent.name,
        "model": model if agent.uses_model else "none",
        "environment": {"level": level, "remembered": 1},
        "learner": {"preset": "small"} if agent.learner == "ppo" else {},
    }
    config = RunConfig.parse(values, source="bench")
    return config.changed(frames=updates * config.frames_per_update * agent.learns)


def _demonstrations(config: RunConfig) -> list[DemonstrationRecord]:
    """Return enough of the expert's demonstrations for the agents that imitate; none for the others."""
    if not isinstance(config.learner, CloningConfig):
        return []
    _, expert = normalising_agents()
    of_package = world_of(config.environment.level)
    shows = of_package is None or of_package.has_expert
    world = config.environment if shows else EnvironmentConfig()  # any prompts are as long to learn from
    shown = DemonstrationsConfig(source=expert, environment=world, transitions=TRANSITIONS)
    collector, records = DemonstrationCollector(shown), list[DemonstrationRecord]()
    while not collector.finished:
        records += collector.advance()
    return records


def _acting(collector: Collector) -> float:
    """Return the environment steps a second of rollouts, after a warm-up."""
    collector.collect(1, 1, 1.0)
    began = time.perf_counter()
    collector.collect(STEPS, 2, 1.0)
    return SLOTS * STEPS / (time.perf_counter() - began)


def _learning(config: RunConfig, device: str) -> tuple[float, dict[str, float]]:
    """Return the frames a second of a run's updates but the first, and the phases' shares of their time."""
    with TrainingRun(config, device, demonstrations=_demonstrations(config)) as run:
        records = [run.advance() for _ in range(config.updates)][1:]
    seconds = sum(record.seconds for record in records)
    shares = {
        f"{phase}_share": sum(getattr(record, f"seconds_{phase}") for record in records) / seconds
        for phase in PHASES
    }
    return len(records) * config.frames_per_update / seconds, shares
