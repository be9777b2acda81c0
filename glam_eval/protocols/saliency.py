"""Which parts of its prompt does an agent go by? Its policy with each part left out in turn, exactly.

Actions are few, so what a part changes is known without gradients: the divergence of the whole
distribution over actions from that without the part. Who ignores a part has 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from glam_eval.config.environment import EnvironmentConfig
from glam_eval.config.protocols import ProtocolConfig
from glam_eval.config.run import RunConfig
from glam_eval.core.answer_records import SaliencyRecord
from glam_eval.core.seeds import stream, test_scene_seeds
from glam_eval.core.world import Situation
from glam_eval.language.prompts import ACTIONS, GOAL, TAKEN, observation_part, prompt_parts
from glam_eval.policies.base import Policy, check_distributions
from glam_eval.policies.recall import RecallingPolicy
from glam_eval.protocols.moments import Moment, Simulator
from glam_eval.protocols.probes import divergence_of


@dataclass(frozen=True, slots=True)
class _Asked:
    """A situation, and for each part of its prompt the part's text and the situation without it."""

    scene: int
    situation: Situation
    without: tuple[tuple[str, str, Situation], ...]


def saliency_records(
    policy: Policy, run: RunConfig, frames: int, protocol: ProtocolConfig
) -> list[SaliencyRecord]:
    """Return what each part of the prompt changes, a row a part and situation.

    Situations are the same for every agent, seed and moment, of test scenes; a situation early in its episode
    lacks older observations, whose parts have no row then.

    Raises:
        RunFailedError: if the policy is NaN.
    """
    asked, frozen = _situations(run.environment.canonical_json(), protocol.items), RecallingPolicy(policy)
    records: list[SaliencyRecord] = []
    for each in asked:
        situations = [each.situation, *(situation for _, _, situation in each.without)]
        answer = frozen.evaluate([policy.prepare(situation) for situation in situations])
        scores = answer.log_probabilities.float().cpu().numpy()
        check_distributions(scores)
        whole, *others = scores.tolist()
        for (part, text, _), other in zip(each.without, others, strict=True):
            chances = np.exp([whole, other])
            records.append(
                SaliencyRecord(
                    run_id=run.run_id,
                    agent=run.agent,
                    model=run.model,
                    seed=run.seed,
                    frames=frames,
                    part=part,
                    scene_seed=each.scene,
                    prompt=each.situation.prompt,
                    left_out=text,
                    kl=divergence_of(whole, other),
                    distance=float(np.abs(chances[0] - chances[1]).sum() / 2),
                    changed=int(np.argmax(whole)) != int(np.argmax(other)),
                )
            )
    return records


@cache
def _situations(world_json: str, count: int) -> tuple[_Asked, ...]:
    world = EnvironmentConfig.model_validate_json(world_json)
    simulator, asked = Simulator(world), []
    for scene in test_scene_seeds("saliency", count):
        moment = simulator.moment(scene, stream(0, "saliency", scene))
        situation = simulator.situation(moment)
        without = tuple(_left_out(simulator, moment, situation, world.remembered))
        asked.append(_Asked(scene, situation, without))
    return tuple(asked)


def _left_out(
    simulator: Simulator, moment: Moment, situation: Situation, remembered: int
) -> Iterator[tuple[str, str, Situation]]:
    """Yield each part of a situation's prompt, its text, and the situation without it."""
    told = moment.told[-remembered:]
    taken = [simulator.actions[action] for action in moment.actions][len(moment.actions) - len(told) + 1 :]
    pieces = prompt_parts(simulator.speaker, moment.template, simulator.actions, moment.goal, told, taken)
    parts = [ACTIONS, GOAL, *([TAKEN] if taken else []), *map(observation_part, range(len(told)))]
    for part in parts:
        text = "".join(piece for name, piece in pieces if name == part)
        rest = "".join(piece for name, piece in pieces if name != part)
        yield part, text, replace(situation, prompt=rest)
