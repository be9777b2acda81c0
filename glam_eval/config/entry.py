"""A suite's settings and its agents' entries: what together makes the configuration of each run."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt, ValidationError

from glam_eval.config.agents import Agent, check_demonstrator, describe_agent
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.learners import LEARNERS, CloningConfig
from glam_eval.config.run import RunConfig
from glam_eval.config.settings import Settings
from glam_eval.core.content import files_content, model_content
from glam_eval.core.errors import UserError
from glam_eval.core.files import expanded, names_directory

# Keys of [cloning] that say what is collected; the others are the learner's.
COLLECTED = ("source", "transitions", "environments", "random_fraction")


class StudySettings(Settings):
    """What the agents of a suite have in common, unless their entries say otherwise."""

    frames: Annotated[int, Field(ge=0)] = 0
    """Training budget of agents that learn."""
    evaluations: PositiveInt = 10
    """Evaluation points along training."""
    threads: PositiveInt = 1
    """Processor threads of each run; cores divided by threads is the number of workers."""
    environment: EnvironmentConfig = EnvironmentConfig()
    """World and words of training."""
    policy: dict[str, Any] = {}
    """Language models as policies; only what is set here is set, for agents have switches of their own."""
    conversation: dict[str, Any] = {}
    """How served models are talked to, by which endpoint."""
    ppo: dict[str, Any] = {}
    """Learner of the agents that learn online."""
    q_learning: dict[str, Any] = {}
    """Learner of DRRN."""
    cloning: dict[str, Any] = {}
    """Learner of the agents that imitate, and what they imitate: source (an agent of the study, a checkpoint
    or a directory of demonstrations), transitions, environments, random_fraction."""


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
    conversation: dict[str, Any] = {}
    """Settings of the conversation that differ."""
    ppo: dict[str, Any] = {}
    """Settings of PPO that differ."""
    q_learning: dict[str, Any] = {}
    """Settings of Q-learning that differ."""
    cloning: dict[str, Any] = {}
    """Settings of cloning that differ."""
    protocols: tuple[str, ...] | None = None
    """Protocols asked of it; none asks all of the suite's."""

    @property
    def described(self) -> Agent:
        """The agent's entry in the registry."""
        return describe_agent(self.agent)

    def learner_values(self, settings: StudySettings) -> dict[str, Any]:
        """Return the settings of this agent's learner: the suite's, and over them the entry's own."""
        for kind in LEARNERS.keys() - {"none", self.described.learner}:
            if getattr(self, kind):
                raise ValueError(
                    f"agent {self.agent!r} learns by {self.described.learner}: leave its {kind} out"
                )
        if not self.described.learns:
            return {}
        kind = self.described.learner
        return {**getattr(settings, kind), **getattr(self, kind)}

    def run(
        self, settings: StudySettings, seed: int, demonstrations: dict[str, Any] | None = None
    ) -> RunConfig:
        """Return the configuration of this agent's run from a seed.

        Args:
            settings: of the suite.
            seed: of the run.
            demonstrations: for agents that clone, what is imitated, as ``CloningConfig`` has it.
        """
        learner = self.learner_values(settings)
        if demonstrations is not None:
            learner = {key: value for key, value in learner.items() if key not in COLLECTED} | demonstrations
        frames = self.frames if self.frames is not None else settings.frames * self.described.learns
        model = expanded(self.model)
        is_directory = names_directory(model) and not self.described.served
        return RunConfig.parse(
            {
                "agent": self.agent,
                "model": self.model,
                "content": model_content(model) if is_directory else None,
                "seed": seed,
                "frames": frames,
                "evaluations": settings.evaluations,
                "threads": settings.threads,
                "environment": {**settings.environment.model_dump(), **self.environment},
                "policy": self._policy(settings),
                "conversation": self._conversation(settings),
                "learner": learner,
            },
            source=f"agent {self.agent!r}",
        )

    def _policy(self, settings: StudySettings) -> dict[str, Any]:
        if not self.described.uses_model:
            return dict(self.policy)
        return {**settings.policy, **self.policy}

    def _conversation(self, settings: StudySettings) -> dict[str, Any]:
        return {**(settings.conversation if self.described.served else {}), **self.conversation}

    def source(self, settings: StudySettings) -> str:
        """Return what this agent imitates: an agent of the study or a directory.

        Raises:
            ValueError: if nothing is named, or no such directory exists.
            UserError: if the agent may not imitate that agent.
        """
        named: str = self.learner_values(settings).get("source", self.described.demonstrator)
        if not named:
            raise ValueError(
                f"agent {self.agent!r} needs cloning.source: an agent of the study or a directory"
            )
        if not names_directory(named):
            try:
                demonstrator = describe_agent(named)
            except UserError as error:
                raise ValueError(
                    f"no cloning.source {named!r}: give an agent or a directory ({error})"
                ) from None
            if self.described.demonstrator:
                check_demonstrator(self.described, demonstrator)
        return named

    def imitates_stored(self, settings: StudySettings, source: str) -> dict[str, Any]:
        """Return what is imitated where a directory holds demonstrations, as ``CloningConfig`` has it."""
        content = files_content(list((Path(source) / "demonstrations").glob("*.parquet")))
        drawn = self.learner_values(settings).get("transitions")
        return {"demonstrations": source, "content": content, "transitions": drawn}

    def demonstrations(
        self, settings: StudySettings, seed: int, source: str, teacher: RunConfig | None
    ) -> DemonstrationsConfig:
        """Return the set that is collected for this agent, from an agent's run or from a checkpoint."""
        values = {key: value for key, value in self.learner_values(settings).items() if key in COLLECTED}
        collected = {"transitions": self._each_once(settings), **values, "source": source}
        if teacher is not None:
            collected["teacher"] = teacher.digest(with_seed=False)
        if names_directory(source):
            collected["content"] = files_content([Path(source) / "checkpoint.json"])
        if teacher is not None or names_directory(source):
            collected["threads"] = settings.threads
        world = {**settings.environment.model_dump(), **self.environment}
        collected |= {"seed": seed, "environment": world}
        return DemonstrationsConfig.parse(collected, source=f"agent {self.agent!r}: cloning")

    def _each_once(self, settings: StudySettings) -> int:
        """Return as many transitions as the agent learns from."""
        learner = {k: v for k, v in self.learner_values(settings).items() if k not in COLLECTED}
        try:
            update = CloningConfig.model_validate(learner).frames_per_update
        except ValidationError:  # which the run itself will name
            update = 1
        frames = self.frames if self.frames is not None else settings.frames
        return max(1, -(-frames // update)) * update
