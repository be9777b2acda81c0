"""A suite: a scientific question written down as agents, seeds and protocols."""

import json
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from glam_eval.config.agents import describe_agent
from glam_eval.config.entry import AgentConfig, StudySettings
from glam_eval.config.graph import PlannedRun, StudyGraph
from glam_eval.config.launching import LauncherName, SlurmConfig
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import shortened, unknown

MOST_RUNS = 10_000  # of a suite, agents times seeds: more take minutes to be written down
LARGEST_SEED = 2**31 - 1
_LONGEST_NAME = 100  # bytes: file systems take 255, and files in the directory say more than its name


class SuiteConfig(StudySettings):
    """A whole study."""

    name: str
    """Name of the suite, and of its directory of results."""
    title: str
    """Headline of the report."""
    question: str
    """What the suite asks, in a sentence or two."""
    seeds: Annotated[int, Field(gt=0, le=MOST_RUNS)] = 5
    """Seeds of every agent."""
    first_seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] = 0
    """The first of them."""
    silence_seconds: PositiveInt = 1800
    """A run that computes nothing for so long is taken to hang, and begun again from its checkpoint."""
    launcher: LauncherName = "local"
    """Where runs are carried out: local, slurm or ray."""
    slurm: SlurmConfig = SlurmConfig()
    """What a task asks Slurm for."""
    agents: tuple[AgentConfig, ...]
    """Agents compared."""
    protocols: tuple[ProtocolConfig, ...]
    """Questions asked of each agent."""

    @field_validator("name")
    @classmethod
    def _names_a_directory(cls, name: str) -> str:
        if not name.strip() or name.startswith(".") or {"/", "\\", "\n", "\t"} & {*name}:
            raise ValueError(f"name = {shortened(name)}: it names a directory: no slash, no dot in front")
        if len(name.encode()) > _LONGEST_NAME:
            raise ValueError(f"name = {shortened(name)}: at most {_LONGEST_NAME} bytes")
        return name

    @model_validator(mode="after")
    def _expands(self) -> Self:
        if not self.agents:
            raise ValueError("the suite has no agents")
        if not self.protocols:
            raise ValueError("the suite has no protocols")
        self._check_protocols()
        if len(self.agents) * self.seeds > MOST_RUNS:
            raise ValueError(
                f"{len(self.agents)} agents with {self.seeds:,} seeds each are more than {MOST_RUNS:,} runs, "
                "the most that a suite may have: lower seeds"
            )
        _ = self.graph
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

    def canonical_json(self) -> str:
        """Return what the suite's results depend on, which is not where they were made."""
        values = self.model_dump(mode="json", exclude={"launcher", "slurm"})
        for group in (values, *values["agents"]):  # most studies talk to no server, and say nothing of it
            if not group["conversation"]:
                del group["conversation"]
        return json.dumps(values, sort_keys=True, separators=(",", ":"))

    @property
    def seed_range(self) -> range:
        """The seeds of every agent."""
        return range(self.first_seed, self.first_seed + self.seeds)

    @cached_property
    def graph(self) -> list[PlannedRun]:
        """The distinct runs of the suite with all that they need, in an order in which they can be made."""
        return StudyGraph(self.name, self, self.agents, self.protocols).planned(self.seed_range)

    def runs(self) -> list[RunConfig]:
        """Return the distinct runs of agents, all agents of one seed before the next seed's."""
        return [run for run, _ in self.questions()]

    def questions(self) -> list[tuple[RunConfig, tuple[ProtocolConfig, ...]]]:
        """Return the distinct runs of agents with the protocols that any of their entries is asked."""
        return [(each.config, each.protocols) for each in self.graph if isinstance(each.config, RunConfig)]
