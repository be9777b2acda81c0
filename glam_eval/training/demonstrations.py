"""Demonstrations: what an agent shows in the training scenes that it solves, collected step by step."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glam_eval.config.agents import describe_agent, normalising_agents
from glam_eval.config.demonstrations import DemonstrationsConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.errors import RunFailedError
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
_COUNTS = ("step", "collected", "solved", "failed", "left_out")
# Below that share of solved episodes, asked once so many have ended, there is too little to imitate.
FEWEST_SOLVED, FIRST_ASKED = 0.02, 50


class DemonstrationCollector:
    """Lets a demonstrator act in its training scenes; it can be saved and restored between any two steps.

    What is drawn at a step depends on the seed and on the step's number alone. Only episodes that reached
    their goal are shown, each as it ends: where a demonstrator failed there is nothing to imitate.

    Attributes:
        config: what is collected.
        policy: who demonstrates.
        step: steps of all environments so far.
        collected: demonstrations handed over.
        solved: episodes that reached their goal.
        failed: episodes that did not.
        left_out: steps of those.
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
        self.solved = self.failed = self.left_out = 0
        self._under_way: list[list[DemonstrationRecord]] = [[] for _ in range(config.environments)]
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
        """Act once in every environment; return the solved episodes that ended, cut to what is still wanted.

        Raises:
            RunFailedError: if the demonstrator solves next to none.
        """
        actors, config = self._actors, self.config
        situations = actors.situations()
        states = [actors.environment.state(slot) for slot in range(actors.slots)]
        draws = stream(config.seed, "demonstrations", self.step)
        output = self.policy.evaluate([self.policy.prepare(each) for each in situations], self._memory)
        chosen = sample_actions(output.log_probabilities.float().cpu().numpy(), draws.random(actors.slots))
        at_random = draws.random(actors.slots) < config.random_fraction
        others = draws.integers([len(situation.actions) for situation in situations])
        actions = np.where(at_random, others, chosen).tolist()
        for slot, (state, situation) in enumerate(zip(states, situations, strict=True)):
            shown = DemonstrationRecord(
                level=config.environment.level,
                scene_seed=state.scene_seed,
                step=len(state.actions),
                prompt=situation.prompt,
                actions=list(situation.actions),
                action=actions[slot],
                source=AT_RANDOM if at_random[slot] else self._name,
            )
            self._under_way[slot].append(shown)
        step = actors.step(actions)
        ends = [result.done for result in step.results]
        if output.memory is not None:
            self._memory = output.memory * (~torch.tensor(ends))[:, None].to(output.memory)
        self.step += 1
        ended = [slot for slot, end in enumerate(ends) if end]
        records = self._end([(slot, one.success) for slot, one in zip(ended, step.finished, strict=True)])
        records = records[: config.transitions - self.collected]
        self.collected += len(records)
        self._check_solved()
        return records

    def _end(self, episodes: list[tuple[int, bool]]) -> list[DemonstrationRecord]:
        """Count episodes that ended, by slot and success; return what the solved ones showed."""
        records: list[DemonstrationRecord] = []
        for slot, success in episodes:
            shown, self._under_way[slot] = self._under_way[slot], []
            if success:
                self.solved += 1
                records += shown
            else:
                self.failed += 1
                self.left_out += len(shown)
        return records

    def _check_solved(self) -> None:
        ended = self.solved + self.failed
        if not self.finished and ended >= FIRST_ASKED and self.solved < FEWEST_SOLVED * ended:
            raise RunFailedError(
                f"{self._name} solved {self.solved} of {ended} episodes of {self.config.environment.level}: "
                "too few to imitate, give another cloning.source or level"
            )

    def state(self) -> dict[str, Any]:
        """Return all that is not a tensor, as JSON-serialisable values."""
        under_way = [[asdict(each) for each in episode] for episode in self._under_way]
        counts = {name: getattr(self, name) for name in _COUNTS}
        return {**counts, "under_way": under_way, "actors": self._actors.state()}

    def save(self, directory: Path) -> None:
        """Write a recurrent demonstrator's memory into a directory."""
        if self._memory is not None:
            torch.save(self._memory, directory / MEMORY_FILE)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue exactly where a checkpoint was written."""
        state = checkpoint.state
        for name in _COUNTS:
            setattr(self, name, state[name])
        self._under_way = [
            [DemonstrationRecord(**each) for each in episode] for episode in state["under_way"]
        ]
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
