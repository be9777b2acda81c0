"""The stage of one condition: environments, the scenes played in them, records of what was played."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from glam_eval.config.protocols import ConditionConfig, Goal, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.records import EpisodeRecord, RequestRecord, StepRecord
from glam_eval.core.seeds import stream
from glam_eval.core.world import Situation
from glam_eval.environments import make_environment
from glam_eval.protocols.returns import discounted_return, unscaled_value
from glam_eval.protocols.scenes import environment_of, protocol_scenes

_NOTHING = "(nothing)"  # the name of doing nothing where it is not offered


@dataclass(frozen=True, slots=True)
class Played:
    """An evaluation episode; its steps, where it is kept for replay; its requests, where a server played."""

    episode: EpisodeRecord
    steps: list[StepRecord]
    requests: list[RequestRecord] = field(default_factory=list)


@dataclass(slots=True)
class Playing:
    """A scene being played."""

    scene: int
    draws: np.random.Generator
    keep_steps: bool
    value: float = math.nan  # of the first situation
    steps: list[StepRecord] = field(default_factory=list)


class Stage:
    """The environments of one condition; scenes are begun in slots of it, and finished to records.

    Args:
        run: whose agent plays.
        frames: how long it has been trained.
        protocol: which scenes.
        condition: how they are told, and on which level.
        slots: scenes played together, at most.
        replays: of how many of the first scenes all steps are kept.

    Raises:
        UserError: on an unknown shift, language or level.
    """

    def __init__(
        self,
        run: RunConfig,
        frames: int,
        protocol: ProtocolConfig,
        condition: ConditionConfig,
        slots: int,
        replays: int,
    ) -> None:
        self.run, self.frames, self.protocol, self.condition = run, frames, protocol, condition
        self.world = environment_of(run, condition)
        self.scenes = protocol_scenes(protocol, run, condition)
        self.slots = min(slots, len(self.scenes))
        self.environment = make_environment(self.world, self.slots)
        self._replayed = set(self.scenes[:replays])

    @property
    def _goal(self) -> Goal:
        return "hidden" if self.world.goal_hidden and self.world.goal == "told" else self.world.goal

    def begin(self, slot: int, scene: int) -> Playing:
        """Begin a scene in a slot."""
        self.environment.start(slot, scene)
        draws = stream(self.run.seed, "evaluation", self.protocol.name, scene)
        return Playing(scene, draws, scene in self._replayed)

    def keep_step(
        self, slot: int, playing: Playing, situation: Situation, probabilities: list[float], action: int
    ) -> None:
        """Keep a step that is about to be taken, of a scene that is kept for replay."""
        if not playing.keep_steps:
            return
        offered = list(situation.actions)
        if action >= len(offered):
            offered, probabilities = [*offered, _NOTHING], [*[0.0] * len(offered), 1.0]
        snapshot = self.environment.snapshot(slot)
        record = StepRecord(
            run_id=self.run.run_id,
            frames=self.frames,
            protocol=self.protocol.name,
            shift=self.condition.label,
            scene_seed=playing.scene,
            step=len(playing.steps),
            grid=snapshot.grid,
            width=snapshot.width,
            agent_x=snapshot.agent_x,
            agent_y=snapshot.agent_y,
            agent_direction=snapshot.agent_direction,
            sentences=list(situation.observation.sentences),
            action_names=offered,
            probabilities=probabilities,
            action=min(action, len(offered) - 1),
        )
        playing.steps.append(record)

    def finish(self, slot: int, playing: Playing, requests: Sequence[RequestRecord] = ()) -> Played:
        """Return what was played in a slot, once its episode is over."""
        summary = self.environment.summary(slot)
        episode = EpisodeRecord(
            run_id=self.run.run_id,
            agent=self.run.agent,
            model=self.run.model,
            seed=self.run.seed,
            frames=self.frames,
            protocol=self.protocol.name,
            shift=self.condition.label,
            language=self.world.language,
            level=self.world.level,
            task=summary.task,
            scene_seed=playing.scene,
            mission=summary.mission,
            success=summary.success,
            episode_return=summary.episode_return,
            length=summary.length,
            bot_length=self.environment.expert_length(playing.scene),
            actions=summary.actions,
            steps_blocked=summary.steps_blocked,
            cells_visited=summary.cells_visited,
            wrong_object=summary.wrong_object,
            wrong_order=summary.wrong_order,
            discounted_return=discounted_return(self.run, summary.episode_return, summary.length),
            value=unscaled_value(self.run, playing.value),
            goal=self._goal,
            success_told=summary.success_told,
            first_thing=summary.first.thing,
            first_told=summary.first.told,
            first_meant=summary.first.meant,
            first_chance=summary.first.chance,
            bot_first_meant=self.environment.expert_first(playing.scene).meant,
        )
        return Played(episode, playing.steps, list(requests))
