"""The environments of a run, each playing one training scene after another."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from glam_eval.core.seeds import training_scene_seeds
from glam_eval.core.world import EpisodeState, EpisodeSummary, Situation, StepResult
from glam_eval.environments import TextEnvironment


@dataclass(frozen=True, slots=True)
class Step:
    """One step of all environments."""

    results: list[StepResult]
    finished: list[EpisodeSummary]
    last_situations: dict[int, Situation]  # by slot, where an episode was cut off by time


class Actors:
    """Environments that start their next scene when one ends; their state is counters and actions."""

    def __init__(self, environment: TextEnvironment, slots: int, seed: int) -> None:
        self.environment = environment
        self.slots = slots
        self._seed = seed
        self._scenes_begun = [0] * slots
        for slot in range(slots):
            self._start_next_scene(slot)

    def situations(self) -> list[Situation]:
        """Return what every environment's agent faces now."""
        return self.environment.situations()

    def step(self, actions: Sequence[int]) -> Step:
        """Act in every environment; begin the next scene where an episode ends."""
        results = self.environment.step(actions)
        finished: list[EpisodeSummary] = []
        last_situations: dict[int, Situation] = {}
        for slot, result in enumerate(results):
            if not result.done:
                continue
            finished.append(self.environment.summary(slot))
            if result.truncated and not result.terminated:
                last_situations[slot] = self.environment.situations([slot])[0]
            self._start_next_scene(slot)
        return Step(results, finished, last_situations)

    def state(self) -> dict[str, Any]:
        """Return the state of all environments, as JSON-serialisable values."""
        episodes = [asdict(self.environment.state(slot)) for slot in range(self.slots)]
        return {"scenes_begun": list(self._scenes_begun), "episodes": episodes}

    def restore(self, state: dict[str, Any]) -> None:
        """Bring all environments back to a state, by replaying their episodes under way."""
        self._scenes_begun = list(state["scenes_begun"])
        for slot, episode in enumerate(state["episodes"]):
            self.environment.restore(slot, EpisodeState(episode["scene_seed"], tuple(episode["actions"])))

    def _start_next_scene(self, slot: int) -> None:
        scene = next(training_scene_seeds(self._seed, slot, self._scenes_begun[slot]))
        self._scenes_begun[slot] += 1
        self.environment.start(slot, scene)
