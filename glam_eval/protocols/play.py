"""Playing the fixed scenes of a protocol under one condition.

Every scene is played once to its end, so short episodes are not favoured. The draws of a scene depend on
the run's seed, the protocol and the scene alone: conditions are paired, and identical policies under
conditions that change nothing play identically.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from glam_eval.config.protocols import ConditionConfig, ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.policies.base import AnsweringPolicy, Policy, PolicyOutput, sample_actions
from glam_eval.policies.recall import RecallingPolicy
from glam_eval.protocols.answering import play_answering
from glam_eval.protocols.stage import Played, Playing, Stage

SLOTS = 64  # environments played together


def play_condition(
    policy: Policy,
    run: RunConfig,
    frames: int,
    protocol: ProtocolConfig,
    condition: ConditionConfig,
    replays: int = 0,
    between: Callable[[], None] = lambda: None,
) -> Iterator[Played]:
    """Play every scene of a protocol once under a condition; yield episodes as they end.

    Args:
        policy: who plays.
        run: the run that it is of, whose seed the draws depend on.
        frames: how long it has been trained.
        protocol: which scenes.
        condition: how they are told, and on which level.
        replays: of how many of the first scenes all steps are kept.
        between: called while a server's answers are waited for, which are kept; what it raises ends it all.

    Raises:
        UserError: on an unknown shift, language or level.
        RunFailedError: if episodes can't be played to their end, because a server does not answer.
    """
    if isinstance(policy, AnsweringPolicy):
        stage = Stage(run, frames, protocol, condition, policy.at_once, replays)
        return play_answering(policy, stage, between)
    return _play_together(policy, Stage(run, frames, protocol, condition, SLOTS, replays))


@torch.no_grad()
def _play_together(policy: Policy, stage: Stage) -> Iterator[Played]:
    """Play all scenes by a policy that acts in all slots at once."""
    frozen = RecallingPolicy(policy)
    waiting = iter(stage.scenes)
    playing = {
        slot: stage.begin(slot, scene) for slot, scene in zip(range(stage.slots), waiting, strict=False)
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
                offered = len(situations[row].actions)
                probabilities = output.log_probabilities[row, :offered].exp().tolist()
                stage.keep_step(slot, playing[slot], situations[row], probabilities, actions[row])
        for slot, result in zip(slots, stage.environment.step(actions, slots), strict=True):
            if not result.done:
                continue
            yield stage.finish(slot, playing.pop(slot))
            if memory is not None:
                memory[slot] = 0
            scene = next(waiting, None)
            if scene is not None:
                playing[slot] = stage.begin(slot, scene)


def _choose(output: PolicyOutput, playing: list[Playing]) -> list[int]:
    uniforms = np.array([slot.draws.random() for slot in playing])
    actions: list[int] = sample_actions(output.log_probabilities.float().cpu().numpy(), uniforms).tolist()
    return actions
