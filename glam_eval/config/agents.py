"""The agents of the study as data: what each is called, learns by and switches (paper, section 3.2)."""

from dataclasses import dataclass
from typing import Literal

from glam_eval.core.errors import unknown

Learner = Literal["none", "ppo"]


@dataclass(frozen=True, slots=True)
class AgentDescription:
    """One row of the study."""

    name: str
    label: str
    description: str
    learner: Learner
    uses_model: bool


AGENTS: dict[str, AgentDescription] = {
    agent.name: agent
    for agent in (
        AgentDescription("gflan", "GFlan-T5", "language model, scoring, online PPO", "ppo", True),
        AgentDescription("zero-shot", "zero-shot", "the same policy, never updated", "none", True),
        AgentDescription("bot", "bot", "BabyAI's planner: the expert", "none", False),
        AgentDescription("random", "random", "uniform over the actions offered", "none", False),
    )
}


def describe_agent(name: str) -> AgentDescription:
    """Return an agent's description; raise a UserError naming the nearest agent if there is none."""
    if name not in AGENTS:
        raise unknown("agent", name, AGENTS)
    return AGENTS[name]
