"""The agents of the study as data: what each is called, learns by and switches (paper, section 3.2).

Agents of other packages join through the entry-point group ``glam_eval.agents``: an entry point named as the
agent, whose object is an ``AgentDescription`` with ``build``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Literal

from glam_eval.core.errors import UserError, unknown

Learner = Literal["none", "ppo", "q_learning", "cloning"]
ENTRY_POINTS = "glam_eval.agents"


@dataclass(frozen=True, slots=True)
class Switches:
    """What a language model starts from and how it chooses: the paper's ablations are these three."""

    weights: Literal["pretrained", "random"] = "pretrained"
    embeddings: Literal["pretrained", "random"] = "pretrained"
    action_choice: Literal["scoring", "head"] = "scoring"


@dataclass(frozen=True, slots=True)
class AgentDescription:
    """One row of the study.

    ``build`` is for agents of other packages: it takes the run's ``RunConfig``, the number of actions and
    the device, and returns a ``glam_eval.policies.base.Policy``.
    """

    name: str
    label: str
    description: str
    learner: Learner
    uses_model: bool = False
    switches: Switches = Switches()
    build: Callable[[Any, int, str], Any] | None = None
    reads_text: bool = True  # decides by the prompt alone, without memory: it can be probed


_AFLAN = Switches(action_choice="head")
_NPE = Switches(weights="random")
_NPA = Switches(weights="random", embeddings="random", action_choice="head")
_NPAE = Switches(weights="random", action_choice="head")

AGENTS: dict[str, AgentDescription] = {
    agent.name: agent
    for agent in (
        AgentDescription("gflan", "GFlan-T5", "language model, scoring, online PPO", "ppo", True),
        AgentDescription("aflan", "AFlan-T5", "language model, action head, PPO", "ppo", True, _AFLAN),
        AgentDescription("npe", "NPE-Flan-T5", "random weights, pretrained embeddings", "ppo", True, _NPE),
        AgentDescription("npa", "NPA-Flan-T5", "all weights random, action head", "ppo", True, _NPA),
        AgentDescription("npae", "NPAE-Flan-T5", "as npe, with an action head", "ppo", True, _NPAE),
        AgentDescription("zero-shot", "zero-shot", "gflan's policy, never updated", "none", True),
        AgentDescription("bc-gflan", "BC-GFlan-T5", "gflan's policy, cloned from gflan", "cloning", True),
        AgentDescription("bc-bot", "BC-Bot", "gflan's policy, cloned from the bot", "cloning", True),
        AgentDescription("drrn", "DRRN", "recurrent Q-network over text, from scratch", "q_learning"),
        AgentDescription(
            "symbolic-ppo",
            "Symbolic-PPO",
            "conv, FiLM and LSTM on the symbolic grid",
            "ppo",
            reads_text=False,
        ),
        AgentDescription("bot", "bot", "BabyAI's planner: the expert", "none", reads_text=False),
        AgentDescription("random", "random", "uniform over the actions offered", "none", reads_text=False),
    )
}


def describe_agent(name: str) -> AgentDescription:
    """Return an agent's description; raise a UserError naming the nearest agent if there is none."""
    if name in AGENTS:
        return AGENTS[name]
    found = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in found:
        raise unknown("agent", name, [*AGENTS, *found])
    where = f"agent {name!r}: entry point {found[name].value!r}"
    try:
        described = found[name].load()
    except (ImportError, AttributeError) as error:
        raise UserError(f"{where} can't be loaded: {error}") from error
    if not isinstance(described, AgentDescription) or described.name != name or described.build is None:
        raise UserError(f"{where} must be an AgentDescription of that name, with build")
    return described
