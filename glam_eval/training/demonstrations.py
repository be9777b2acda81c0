"""Demonstrations: what an agent shows in the training scenes, collected step by step."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from glam_eval.config.agents import describe_agent, normalising_agents
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.records import DemonstrationRecord
from glam_eval.core.seeds import stream
from glam_eval.environments import make_environment
from glam_eval.policies.base import Policy, sample_actions
from glam_eval.training.actors import Actors
from glam_eval.training.agents import build_policy
from glam_eval.training.checkpoints import Checkpoint

MEMORY_FILE = "memory.pt"
AT_RANDOM, _ = (
    normalising_agents()
)  # source of the steps that ``random_fraction`` takes from the demonstrator


class DemonstrationCollector:
    """Lets a demonstrator act in its training scenes; it can be saved and restored between any two steps.

    What is drawn at a step depends on the seed and on the step's number alone.
    """

    def __init__(
        self, config: DemonstrationsConfig, device: str = "cpu", teacher: Checkpoint | None = None
    ) -> None:
        """Begin to collect.

        Args:
            config: what is collected, and from whom.
            device: where the demonstrator computes.
            teacher: its checkpoint; None for an agent that nothing has to be trained for.
        """
        self.config, self.step, self.collected = config, 0, 0
        environment = make_environment(config.environment, config.environments)
        self._actors = Actors(environment, config.environments, config.seed)
        self.policy, self._name = _demonstrator(config, len(environment.actions), device, teacher)
        size = self.policy.memory_size
        self._memory = torch.zeros(config.environments, size) if size else None

    @property
    def finished(self) -> bool:
        """Whether all demonstrations are collected."""
        return self.collected >= self.config.transitions

    @torch.no_grad()
    def advance(self) -> list[DemonstrationRecord]:
        """Act once in every environment; return what was shown, cut to what is still wanted."""
        actors, config = self._actors, self.config
        situations = actors.situations()
        states = [actors.environment.state(slot) for slot in range(actors.slots)]
        draws = stream(config.seed, "demonstrations", self.step)
        output = self.policy.evaluate([self.policy.prepare(each) for each in situations], self._memory)
        chosen = sample_actions(output.log_probabilities.float().cpu().numpy(), draws.random(actors.slots))
        at_random = draws.random(actors.slots) < config.random_fraction
        others = draws.integers(len(actors.environment.actions), size=actors.slots)
        actions = np.where(at_random, others, chosen).tolist()
        records = [
            DemonstrationRecord(
                level=config.environment.level,
                scene_seed=state.scene_seed,
                step=len(state.actions),
                prompt=situation.prompt,
                actions=list(situation.actions),
                action=action,
                source=AT_RANDOM if random else self._name,
            )
            for state, situation, action, random in zip(states, situations, actions, at_random, strict=True)
        ][: config.transitions - self.collected]
        ends = [result.done for result in actors.step(actions).results]
        if output.memory is not None:
            self._memory = output.memory * (~torch.tensor(ends))[:, None].to(output.memory)
        self.step += 1
        self.collected += len(records)
        return records

    def state(self) -> dict[str, Any]:
        """Return all that is not a tensor, as JSON-serialisable values."""
        return {"step": self.step, "collected": self.collected, "actors": self._actors.state()}

    def save(self, directory: Path) -> None:
        """Write a recurrent demonstrator's memory into a directory."""
        if self._memory is not None:
            torch.save(self._memory, directory / MEMORY_FILE)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue exactly where a checkpoint was written."""
        state = checkpoint.state
        self.step, self.collected = state["step"], state["collected"]
        self._actors.restore(state["actors"])
        if self._memory is not None:
            self._memory = torch.load(checkpoint.directory / MEMORY_FILE, weights_only=True)


def _demonstrator(
    config: DemonstrationsConfig, actions: int, device: str, teacher: Checkpoint | None
) -> tuple[Policy, str]:
    """Return who demonstrates, and under what name."""
    if teacher is None:
        agent = describe_agent(config.source)
        run = RunConfig(agent=agent.name, seed=config.seed, environment=config.environment)
        policy: Policy = agent.make_policy(run, actions, device)
        return policy, agent.name
    run = RunConfig.parse(teacher.state["config"], source=str(teacher.directory))
    return build_policy(run, actions, device, teacher.directory), run.run_id
