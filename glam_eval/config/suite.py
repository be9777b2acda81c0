"""A suite: a scientific question written down as agents, seeds and protocols."""

from typing import Annotated, Any, Self

from pydantic import Field, PositiveInt, model_validator

from glam_eval.config.agents import describe_agent
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import EnvironmentConfig, PolicyConfig, RunConfig
from glam_eval.config.settings import Settings
from glam_eval.core.errors import unknown


class AgentConfig(Settings):
    """An agent of the suite; what is set here wins over the suite's own settings."""

    agent: str
    """Agent of the study."""
    model: str = "none"
    """Model of the agent."""
    frames: Annotated[int, Field(ge=0)] | None = None
    """Training budget; none takes the suite's."""
    environment: dict[str, Any] = {}
    """Settings of the environment that differ."""
    policy: dict[str, Any] = {}
    """Settings of the policy that differ."""
    ppo: dict[str, Any] = {}
    """Settings of PPO that differ."""
    q_learning: dict[str, Any] = {}
    """Settings of Q-learning that differ."""
    cloning: dict[str, Any] = {}
    """Settings of cloning that differ."""
    protocols: tuple[str, ...] | None = None
    """Protocols asked of it; none asks all of the suite's."""


class SuiteConfig(Settings):
    """A whole study."""

    name: str
    """Name of the suite, and of its directory of results."""
    title: str
    """Headline of the report."""
    question: str
    """What the suite asks, in a sentence or two."""
    seeds: PositiveInt = 5
    """Seeds of every agent."""
    first_seed: Annotated[int, Field(ge=0)] = 0
    """The first of them."""
    frames: Annotated[int, Field(ge=0)] = 0
    """Training budget of agents that learn."""
    evaluations: PositiveInt = 10
    """Evaluation points along training."""
    threads: PositiveInt = 1
    """Processor threads of each run; cores divided by threads is the number of workers."""
    silence_seconds: PositiveInt = 1800
    """A worker that reports nothing for so long is taken to hang, and replaced."""
    environment: EnvironmentConfig = EnvironmentConfig()
    """World and words of training."""
    policy: PolicyConfig = PolicyConfig()
    """Language models as policies."""
    ppo: dict[str, Any] = {}
    """Learner of the agents that learn online."""
    q_learning: dict[str, Any] = {}
    """Learner of DRRN."""
    cloning: dict[str, Any] = {}
    """Learner of the agents that imitate."""
    agents: tuple[AgentConfig, ...]
    """Agents compared."""
    protocols: tuple[ProtocolConfig, ...]
    """Questions asked of each agent."""

    @model_validator(mode="after")
    def _expands(self) -> Self:
        if not self.agents:
            raise ValueError("the suite has no agents")
        if not self.protocols:
            raise ValueError("the suite has no protocols")
        self._check_protocols()
        self.runs()
        return self

    def _check_protocols(self) -> None:
        """Raise where a protocol is there twice, takes no agent, or not the one that asks for it."""
        known = {protocol.name: protocol for protocol in self.protocols}
        if len(known) < len(self.protocols):
            raise ValueError("a protocol is there twice: put its conditions into one")
        if not any(protocol.plays for protocol in self.protocols):
            raise ValueError("no protocol plays episodes: add sample-efficiency or generalization")
        for agent in self.agents:
            for name in agent.protocols or ():
                if name not in known:
                    raise unknown(f"protocol of agent {agent.agent!r}", name, known)
                if not known[name].takes(describe_agent(agent.agent)):
                    takes = known[name].description.takes
                    raise ValueError(f"agent {agent.agent!r} asks for {name}, which takes {takes}")
        asked = {protocol.name for _, protocols in self.questions() for protocol in protocols}
        for name in known.keys() - asked:
            takes = known[name].description.takes
            raise ValueError(f"protocol {name} takes {takes}, and is asked of none: leave it out")

    def gaps(self) -> list[str]:
        """Return a line for each protocol that some of the suite's agents are not asked, and why."""
        lines = []
        for protocol in self.protocols:
            names = dict.fromkeys(agent.agent for agent in self.agents)
            left_out = [name for name in names if not protocol.takes(describe_agent(name))]
            if left_out:
                lines.append(f"{protocol.name} takes {protocol.description.takes}: not {', '.join(left_out)}")
        return lines

    @property
    def seed_range(self) -> range:
        """The seeds of every agent."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def runs(self) -> list[RunConfig]:
        """Return the distinct runs of the suite, all agents of one seed before the next seed's."""
        return [run for run, _ in self.questions()]

    def questions(self) -> list[tuple[RunConfig, tuple[ProtocolConfig, ...]]]:
        """Return the distinct runs with the protocols that any of their entries is asked."""
        runs: dict[str, RunConfig] = {}
        asked: dict[str, set[str]] = {}
        for seed in self.seed_range:
            for agent in self.agents:
                run = self._run(agent, seed)
                runs.setdefault(run.run_id, run)
                asked.setdefault(run.run_id, set()).update(self._asked(agent))
        return [
            (run, tuple(protocol for protocol in self.protocols if protocol.name in asked[run_id]))
            for run_id, run in runs.items()
        ]

    def _asked(self, agent: AgentConfig) -> list[str]:
        """Return the protocols that an entry asks for and that take its agent."""
        taking = [p.name for p in self.protocols if p.takes(describe_agent(agent.agent))]
        return taking if agent.protocols is None else list(agent.protocols)

    def _run(self, agent: AgentConfig, seed: int) -> RunConfig:
        learns = describe_agent(agent.agent).learner != "none"
        frames = agent.frames if agent.frames is not None else (self.frames if learns else 0)
        return RunConfig.parse(
            {
                "agent": agent.agent,
                "model": agent.model,
                "seed": seed,
                "frames": frames,
                "evaluations": self.evaluations,
                "threads": self.threads,
                "environment": {**self.environment.model_dump(), **agent.environment},
                "policy": {**self.policy.model_dump(exclude_unset=True), **agent.policy},
                "ppo": {**self.ppo, **agent.ppo},
                "q_learning": {**self.q_learning, **agent.q_learning},
                "cloning": {**self.cloning, **agent.cloning},
            },
            source=f"agent {agent.agent!r}",
        )
