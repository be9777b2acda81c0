"""Everything that determines one run: an agent, trained by one learner on one level from one seed."""

import hashlib
import json
from dataclasses import asdict
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import Field, PositiveInt, model_validator

from glam_eval.config.agents import describe_agent
from glam_eval.config.conversation import NOT_OF_ANSWERS, ConversationConfig
from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.learners import CloningConfig, LearnerConfig, NoLearnerConfig
from glam_eval.config.policy import PolicyConfig
from glam_eval.config.ppo import PPOConfig
from glam_eval.config.settings import Settings
from glam_eval.config.worlds import check_agent, check_environment, level_in_files

_SHOWN = 48  # characters of a model's name in names of files, which have 255 bytes for all they say
# What names a thing, is spelled out by other keys or says how answers are fetched: part of the record of a
# run, not of its identity.
_NAMES = ("learner.preset", *(f"conversation.{key}" for key in NOT_OF_ANSWERS))


class RunConfig(Settings):
    """One agent trained (or not) from one seed: equal digests are the same run.

    A run holds what its agent reads and nothing else; keys that change nothing for the agent
    (``Agent.unread``) keep their defaults, whatever is asked.
    """

    agent: str
    """Agent of the study."""
    model: str = "none"
    """Embedded model, directory or Hugging Face name; none for agents without one."""
    content: str | None = None
    """Digest of a directory's model: it, not its path, is part of the run."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Replication unit: every random stream of the run is derived from it."""
    frames: Annotated[int, Field(ge=0)] = 0
    """Environment steps to train for, rounded up to whole updates."""
    evaluations: PositiveInt = 10
    """Evaluation points along training, evenly spaced, besides the one before it."""
    threads: PositiveInt = 1
    """Processor threads of the run: part of it, because the last bits of sums depend on it."""
    environment: EnvironmentConfig = EnvironmentConfig()
    """World and words."""
    policy: PolicyConfig | None = None
    """Language model as policy; none for agents without one."""
    conversation: ConversationConfig | None = None
    """How a served model is talked to; none for agents that no endpoint serves."""
    learner: LearnerConfig = NoLearnerConfig()
    """What changes the agent; which of the learners it is, the agent says."""

    @model_validator(mode="before")
    @classmethod
    def _agent_says(cls, values: Any) -> Any:
        """Let the agent choose the learner, its preset and the policy's switches; a contradiction raises."""
        if not isinstance(values, dict) or not isinstance(values.get("agent"), str):
            return values
        agent = describe_agent(values["agent"])
        learner = _as_dict(values.get("learner"))
        if learner.setdefault("kind", agent.learner) != agent.learner:
            raise ValueError(f"agent {agent.name!r} learns by {agent.learner}, not {learner['kind']}")
        if agent.learner == "ppo":
            learner = {**agent.presets.get(str(learner.get("preset", "paper")), {}), **learner}
        values = {**values, "learner": learner}
        if agent.goal_blind and "environment.goal_hidden" not in agent.unread:
            values["environment"] = {**_as_dict(values.get("environment")), "goal_hidden": True}
        conversation = _as_dict(values.get("conversation"))
        if conversation and not agent.served:
            raise ValueError(f"agent {agent.name!r} is served by no endpoint: leave conversation out")
        values["conversation"] = conversation if agent.served else None
        policy = _as_dict(values.get("policy"))
        if not agent.uses_model:
            if policy:
                raise ValueError(f"agent {agent.name!r} is no language model: leave policy out")
            return {**values, "policy": None}
        for name, value in asdict(agent.switches).items():
            if policy.setdefault(name, value) != value:
                raise ValueError(
                    f"policy.{name} = {policy[name]!r}: agent {agent.name!r} has {name} = {value!r}, "
                    "leave it out"
                )
        return {**values, "policy": policy}

    @model_validator(mode="after")
    def _agent_fits(self) -> Self:
        agent = describe_agent(self.agent)
        check_environment(self.environment)
        check_agent(agent, self.policy, self.environment)
        if agent.names_model and self.model == "none":
            example = "the name that its server knows" if agent.served else "for instance model = 't5-nano'"
            raise ValueError(f"agent {self.agent!r} needs a model, {example}")
        if not agent.names_model and self.model != "none":
            raise ValueError(f"agent {self.agent!r} takes no model")
        if not agent.learns and self.frames:
            raise ValueError(f"agent {self.agent!r} never learns: frames must be 0, not {self.frames}")
        if agent.learns and 0 < self.frames < self.frames_per_update:
            raise ValueError(f"frames {self.frames} is less than one batch of {self.frames_per_update} steps")
        if self.environment.goal != "told":
            raise ValueError("environment.goal: goals are swapped or absent in conditions of protocols alone")
        if isinstance(self.learner, PPOConfig) and self.policy and not self.policy.value_head:
            raise ValueError("policy.value_head = false: PPO needs a critic, leave it out")
        contrasts = isinstance(self.learner, PPOConfig) and self.learner.contrastive and self.policy
        if contrasts and getattr(self.learner, "recurrence", 1) > 1:
            raise ValueError("ppo.contrastive needs recurrence = 1: leave recurrence out")
        return self

    @model_validator(mode="after")
    def _forget_unread(self) -> Self:
        for key in self.unread():
            group, _, name = key.rpartition(".")
            holder = getattr(self, group) if group else self
            default = type(holder).model_fields[name].default
            if getattr(holder, name) == default:
                continue
            changed, value = (group, holder.model_copy(update={name: default})) if group else (name, default)
            object.__setattr__(self, changed, value)
        return self

    def unread(self) -> frozenset[str]:
        """Return the dotted keys that change nothing for this run's agent."""
        keys = set(describe_agent(self.agent).unread)
        if not self.frames:
            keys.add("evaluations")
        if self.conversation is None:
            keys.add("conversation")
        elif self.conversation.invalid != "retry":
            keys.add("conversation.attempts")
        if self.policy and self.policy.action_choice == "head":
            keys.add("policy.normalization")
        if isinstance(self.learner, PPOConfig):
            if not self.policy:  # the term is of language models
                keys.add("learner.contrastive")
            if not (self.policy and self.learner.contrastive):
                keys.add("learner.retold")
        return frozenset(keys)

    def read(self) -> dict[str, Any]:
        """Return what the agent reads, as JSON-serialisable values: enough to make the run again."""
        values = self.model_dump(mode="json")
        for key in self.unread():
            _remove(values, key)
        return values

    def canonical_json(self) -> str:
        """Return what the agent reads as JSON with sorted keys."""
        return json.dumps(self.read(), sort_keys=True, separators=(",", ":"))

    def digest(self, *, with_seed: bool = True) -> str:
        """Return the first 16 hexadecimal digits of the SHA-256 of what the run's results depend on.

        A directory is replaced by its content, so that the same weights under two paths are one run.
        Without the seed, all seeds of an agent have one digest.
        """
        values = self.read()
        for key in _NAMES if with_seed else (*_NAMES, "seed"):
            _remove(values, key)
        if self.content:
            del values["model"]
        if isinstance(self.learner, CloningConfig) and self.learner.content:
            del values["learner"]["demonstrations"]
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def frames_per_update(self) -> int:
        """Frames of one update: environment steps, or demonstrations for agents that imitate."""
        return self.learner.frames_per_update

    @cached_property
    def run_id(self) -> str:
        """Readable and unique: agent, model, level, seed and the configuration's digest."""
        model = self.model.rstrip("/").rsplit("/", 1)[-1][:_SHOWN]
        parts = [self.agent, *([model] if model != "none" else []), level_in_files(self.environment.level)]
        return "-".join([*parts, f"s{self.seed}", self.digest()[:8]])

    @property
    def updates(self) -> int:
        """Updates that ``frames`` amounts to."""
        return -(-self.frames // self.frames_per_update)

    @property
    def total_frames(self) -> int:
        """Frames of all updates: ``frames``, rounded up."""
        return self.updates * self.frames_per_update

    def evaluation_updates(self) -> list[int]:
        """Return the updates after which the agent is evaluated: 0, evenly spaced ones, the last."""
        count = min(self.evaluations, self.updates)
        return sorted({0, *(round(self.updates * k / count) for k in range(1, count + 1))}) if count else [0]


def _as_dict(given: Any) -> dict[str, Any]:
    """Return a group of settings as a new dictionary of what was set; nothing for none."""
    return given.model_dump(exclude_unset=True) if isinstance(given, Settings) else dict(given or {})


def _remove(values: dict[str, Any], key: str) -> None:
    """Remove a dotted key from nested values, if it is there."""
    group, _, name = key.partition(".")
    if name and isinstance(values.get(group), dict):
        _remove(values[group], name)
    elif not name:
        values.pop(group, None)
