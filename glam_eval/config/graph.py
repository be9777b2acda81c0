"""A suite as a graph of runs: a clone needs demonstrations, and these need the run of their teacher."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glam_eval.config.agents import describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.entry import AgentConfig, StudySettings
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.files import names_directory


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A node of the graph: a run, what it is asked, and the runs whose results it needs."""

    suite: str
    config: RunConfig | DemonstrationsConfig
    protocols: tuple[ProtocolConfig, ...] = ()
    needs: tuple[str, ...] = ()
    replayed: bool = False  # whether steps of its evaluation are stored, for replays

    @property
    def run_id(self) -> str:
        """Name of the run, unique in the study."""
        return self.config.run_id

    @property
    def devices(self) -> int:
        """Devices that the run computes on."""
        policy = self.config.policy if isinstance(self.config, RunConfig) else None
        return policy.devices if policy else 1


class StudyGraph:
    """Collects the distinct runs of a suite; each is there once, whoever needs it, after what it needs."""

    def __init__(
        self,
        suite: str,
        settings: StudySettings,
        entries: Sequence[AgentConfig],
        protocols: Sequence[ProtocolConfig],
    ) -> None:
        self._suite, self._settings, self._entries = suite, settings, entries
        self._protocols = {protocol.name: protocol for protocol in protocols}
        self._planned: dict[str, PlannedRun] = {}
        self._under_way: list[AgentConfig] = []

    def planned(self, seeds: Iterable[int]) -> list[PlannedRun]:
        """Return all runs, those of one seed before the next seed's, what is needed before what needs it."""
        first = None
        for seed in seeds:
            first = seed if first is None else first
            for entry in self._entries:
                self._add(entry, seed, self._asked(entry), seed == first)
        return list(self._planned.values())

    def _add(self, entry: AgentConfig, seed: int, asked: Iterable[str], replayed: bool) -> RunConfig:
        """Add an entry's run, and before it those that it needs; return its configuration."""
        if entry in self._under_way:
            circle = " of ".join(each.agent for each in [*self._under_way, entry])
            raise ValueError(f"cloning.source goes in a circle: {circle}")
        needs: tuple[str, ...] = ()
        imitated = None
        self._under_way.append(entry)
        if entry.described.learner == "cloning":
            source = entry.source(self._settings)
            if names_directory(Path(source) / "demonstrations"):
                imitated = entry.imitates_stored(self._settings, source)
            else:
                collected = self._add_demonstrations(entry, seed, source, replayed)
                needs, imitated = (collected.run_id,), {"demonstrations": collected.name}
        self._under_way.pop()
        config = entry.run(self._settings, seed, imitated)
        known = self._planned.get(config.digest())
        names = {*asked, *(protocol.name for protocol in known.protocols)} if known else {*asked}
        protocols = tuple(each for each in self._protocols.values() if each.name in names)
        made = known or PlannedRun(self._suite, config, needs=needs, replayed=replayed)
        self._planned[config.digest()] = replace(made, protocols=protocols)
        return made.config if isinstance(made.config, RunConfig) else config

    def _add_demonstrations(
        self, clone: AgentConfig, seed: int, source: str, replayed: bool
    ) -> DemonstrationsConfig:
        teacher = None
        if not names_directory(source) and describe_agent(source).role != "reference":
            teacher = self._add(self._entry_of(source, clone), seed, (), replayed)
        config = clone.demonstrations(self._settings, seed, source, teacher)
        planned = PlannedRun(self._suite, config, needs=(teacher.run_id,) if teacher else ())
        self._planned.setdefault(config.run_id, planned)
        return config

    def _entry_of(self, agent: str, clone: AgentConfig) -> AgentConfig:
        """Return the entry that teaches a clone: the suite's of that agent, model and world, or one made."""
        model = clone.model if describe_agent(agent).uses_model else "none"
        world = self._world(clone)
        for entry in self._entries:
            if (entry.agent, entry.model) == (agent, model) and self._world(entry) == world:
                return entry
        return AgentConfig(agent=agent, model=model, environment=clone.environment, policy=clone.policy)

    def _world(self, entry: AgentConfig) -> dict[str, object]:
        return {**self._settings.environment.model_dump(), **entry.environment}

    def _asked(self, entry: AgentConfig) -> list[str]:
        """Return the protocols that an entry asks for and that take its agent."""
        taking = [name for name, protocol in self._protocols.items() if protocol.takes(entry.described)]
        return taking if entry.protocols is None else list(entry.protocols)
