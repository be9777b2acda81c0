"""A suite: a scientific question written down as agents, seeds and protocols."""

from typing import Annotated, Any, Self

from pydantic import Field, PositiveInt, model_validator

from glam_eval.config.agents import describe_agent
from glam_eval.config.run import EnvironmentConfig, PolicyConfig, RunConfig
from glam_eval.config.settings import Settings
from glam_eval.core.errors import unknown

PROTOCOLS = {
    "sample-efficiency": "success at regular points of training, on fixed scenes",
    "generalization": "success of the trained agent under each shift, on the same fixed scenes",
}


class ConditionConfig(Settings):
    """One condition of a protocol: a lexical shift, a language or another level."""

    shift: str = "none"
    """Lexical shift with optional language, for instance invented_nouns+synonym_actions@fr."""
    level: str | None = None
    """Level to play; none keeps the training level."""
    options: dict[str, Any] = {}
    """Options of the level that differ from training (all of them where the level differs)."""
    name: Annotated[str, Field(pattern=r"^[\w+@-]+$")] | None = None
    """Name in the results' shift column; none takes the shift's."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"shift": value} if isinstance(value, str) else value

    @property
    def label(self) -> str:
        """Name of the condition in the results."""
        return self.name or self.shift


class ProtocolConfig(Settings):
    """An evaluation question with its fixed scenes."""

    name: str
    """Protocol."""
    scenes: PositiveInt = 200
    """Scenes each played once: the same for every agent, shift and seed."""
    balanced: bool = False
    """Equally many scenes of each kind of task, on levels with several."""
    conditions: tuple[ConditionConfig, ...] = (ConditionConfig(),)
    """Conditions compared; the first is the one others are compared with."""
    replays: Annotated[int, Field(ge=0)] = 3
    """Scenes of each condition whose steps are stored, for the first seed."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.name not in PROTOCOLS:
            raise unknown("protocol", self.name, PROTOCOLS)
        labels = [condition.label for condition in self.conditions]
        if len(set(labels)) < len(labels):
            raise ValueError(f"two conditions of {self.name} have one name: {sorted(labels)}")
        if not labels:
            raise ValueError(f"protocol {self.name} has no conditions")
        return self


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
        known = {protocol.name for protocol in self.protocols}
        for agent in self.agents:
            for name in agent.protocols or ():
                if name not in known:
                    raise unknown(f"protocol of agent {agent.agent!r}", name, known)
        self.runs()
        return self

    @property
    def seed_range(self) -> range:
        """The seeds of every agent."""
        return range(self.first_seed, self.first_seed + self.seeds)

    def runs(self) -> list[RunConfig]:
        """Return the distinct runs of the suite, all agents of one seed before the next seed's."""
        return [run for run, _ in self.questions()]

    def questions(self) -> list[tuple[RunConfig, tuple[ProtocolConfig, ...]]]:
        """Return the distinct runs with the protocols that any of their entries asks for."""
        runs: dict[str, RunConfig] = {}
        asked: dict[str, set[str]] = {}
        for seed in self.seed_range:
            for agent in self.agents:
                run = self._run(agent, seed)
                runs.setdefault(run.run_id, run)
                everything = [protocol.name for protocol in self.protocols]
                asked.setdefault(run.run_id, set()).update(
                    everything if agent.protocols is None else agent.protocols
                )
        return [
            (run, tuple(protocol for protocol in self.protocols if protocol.name in asked[run_id]))
            for run_id, run in runs.items()
        ]

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
