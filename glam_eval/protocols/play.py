"""Playing the fixed scenes of a protocol under one condition.

Every scene is played once to its end, so short episodes are not favoured. The draws of a scene depend on
the run's seed, the protocol and the scene alone: conditions are paired, and identical policies under
conditions that change nothing play identically.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from glam_eval.config.protocols import ConditionConfig, Goal, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.records import EpisodeRecord, StepRecord
from glam_eval.core.seeds import stream
from glam_eval.core.world import Situation
from glam_eval.environments import bot_length, make_environment
from glam_eval.environments.replays import bot_first
from glam_eval.policies.base import Policy, PolicyOutput, sample_actions
from glam_eval.policies.recall import RecallingPolicy
from glam_eval.protocols.returns import discounted_return, unscaled_value
from glam_eval.protocols.scenes import environment_of, protocol_scenes

SLOTS = 64  # environments played together


@dataclass(frozen=True, slots=True)
class Played:
    """An evaluation episode and, where it is kept for replay, its steps."""

    episode: EpisodeRecord
    steps: list[StepRecord]


@dataclass(slots=True)
class _Slot:
    """A scene being played."""

    scene: int
    draws: np.random.Generator
    keep_steps: bool
    value: float = math.nan  # of the first situation
    steps: list[StepRecord] = field(default_factory=list)


class _Stage:
    """The environments of one condition, and who plays in them."""

    def __init__(
        self, run: RunConfig, frames: int, protocol: ProtocolConfig, condition: ConditionConfig
    ) -> None:
        self.run, self.frames, self.protocol, self.condition = run, frames, protocol, condition
        self.world = environment_of(run, condition)
        self.environment = make_environment(self.world, min(SLOTS, protocol.scenes))

    @property
    def _goal(self) -> Goal:
        return "hidden" if self.world.goal_hidden and self.world.goal == "told" else self.world.goal

    def begin(self, slot: int, scene: int, keep_steps: bool) -> _Slot:
        self.environment.start(slot, scene)
        draws = stream(self.run.seed, "evaluation", self.protocol.name, scene)
        return _Slot(scene, draws, keep_steps)

    def step_record(
        self, slot: int, playing: _Slot, situation: Situation, probabilities: list[float], action: int
    ) -> StepRecord:
        snapshot = self.environment.snapshot(slot)
        return StepRecord(
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
            action_names=list(situation.actions),
            probabilities=probabilities,
            action=action,
        )

    def finish(self, slot: int, playing: _Slot) -> Played:
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
            bot_length=bot_length(self.world.level, playing.scene, **self.world.options),
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
            bot_first_meant=bot_first(self.world.level, playing.scene, **self.world.options).meant,
        )
        return Played(episode, playing.steps)


@torch.no_grad()
def play_condition(
    policy: Policy,
    run: RunConfig,
    frames: int,
    protocol: ProtocolConfig,
    condition: ConditionConfig,
    replays: int = 0,
) -> Iterator[Played]:
    """Play every scene of a protocol once under a condition; yield episodes as they end.

    Args:
        policy: who plays.
        run: the run that it is of, whose seed the draws depend on.
        frames: how long it has been trained.
        protocol: which scenes.
        condition: how they are told, and on which level.
        replays: of how many of the first scenes all steps are kept.

    Raises:
        UserError: on an unknown shift, language or level.
    """
    stage = _Stage(run, frames, protocol, condition)
    frozen = RecallingPolicy(policy)
    scenes = protocol_scenes(protocol, run, condition)
    replayed = set(scenes[:replays])
    waiting = iter(scenes)
    playing = {
        slot: stage.begin(slot, scene, scene in replayed)
        for slot, scene in zip(range(min(SLOTS, len(scenes))), waiting, strict=False)
    }
    memory = torch.zeros(len(playing), policy.memory_size) if policy.memory_size else None
    while playing:
        slots = list(playing)
        situations = stage.environment.situations(slots)
        inputs = [policy.prepare(situation) for situation in situations]
        output = frozen.evaluate(inputs, None if memory is None else memory[slots])
        actions = _choose(output, list(playing.values()))
        if memory is not None and output.memory is not None:
            memory[slots] = output.memory
        for row, slot in enumerate(slots):
            if math.isnan(playing[slot].value):
                playing[slot].value = float(output.values[row])
            if playing[slot].keep_steps:
                probabilities = output.log_probabilities[row].exp().tolist()
                record = stage.step_record(slot, playing[slot], situations[row], probabilities, actions[row])
                playing[slot].steps.append(record)
        for slot, result in zip(slots, stage.environment.step(actions, slots), strict=True):
            if not result.done:
                continue
            yield stage.finish(slot, playing.pop(slot))
            if memory is not None:
                memory[slot] = 0
            scene = next(waiting, None)
            if scene is not None:
                playing[slot] = stage.begin(slot, scene, scene in replayed)


def _choose(output: PolicyOutput, playing: list[_Slot]) -> list[int]:
    uniforms = np.array([slot.draws.random() for slot in playing])
    actions: list[int] = sample_actions(output.log_probabilities.float().cpu().numpy(), uniforms).tolist()
    return actions
