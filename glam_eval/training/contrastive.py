"""The contrastive term of PPO: one situation under two prompts is one state, two situations are two.

A triplet loss as of Aissi et al. (arXiv 2410.19920), on the states that a language model's heads read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from glam_eval.config.ppo import PPOConfig
from glam_eval.policies.base import Policy, RepresentingPolicy
from glam_eval.training.rollouts import Rollout

MARGIN = 1.0  # Aissi et al., section 4


@dataclass(frozen=True, slots=True)
class Contrasts:
    """What n samples are contrasted with, as prepared inputs."""

    retold: list[Any]  # the same situations in another template
    apart: list[Any]  # other situations


def contrasts(policy: Policy, config: PPOConfig) -> bool:
    """Return whether there is a contrastive term: of language models, where its weight is not 0."""
    return config.contrastive > 0 and isinstance(policy, RepresentingPolicy)


def others_of(policy: Policy, inputs: Sequence[Any]) -> NDArray[np.int64]:
    """Return for each of n prepared inputs the next one, around, that is another: (n,) indices.

    Where all are equal each has itself. A part of a batch finds the same others as the whole.
    """
    keys, count = [policy.key(each) for each in inputs], len(inputs)
    others = np.arange(count)
    if len(set(keys)) > 1:
        following = 0
        for index in range(2 * count - 1, -1, -1):  # twice around: the last of them look beyond the end
            place, after = index % count, (index + 1) % count
            if keys[after] != keys[place]:
                following = after
            others[place] = following
    return others


def triplet_loss(anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return max(0, |anchor - same| - |anchor - other| + margin) summed over n states, (n, width) each."""
    return F.triplet_margin_loss(anchors, same, other, margin=MARGIN, reduction="sum")


def others_in(policy: Policy, rollout: Rollout, minibatch: NDArray[np.int64]) -> dict[int, int]:
    """Return for each sample of a minibatch, step times slots plus slot, another situation of it."""
    found = others_of(policy, _at(rollout.inputs, minibatch))
    return dict(zip(minibatch.tolist(), minibatch[found].tolist(), strict=True))


def contrasts_of(rollout: Rollout, samples: NDArray[np.int64], apart: Mapping[int, int]) -> Contrasts:
    """Return what samples of a rollout are contrasted with; ``apart`` is of ``others_in``."""
    others = np.array([apart[int(each)] for each in samples])
    return Contrasts(_at(rollout.retold or rollout.inputs, samples), _at(rollout.inputs, others))


def _at(inputs: Sequence[Sequence[Any]], samples: NDArray[np.int64]) -> list[Any]:
    slots = len(inputs[0])
    return [inputs[each // slots][each % slots] for each in samples.tolist()]


def contrastive_loss(policy: RepresentingPolicy, anchors: torch.Tensor, contrasts: Contrasts) -> torch.Tensor:
    """Return the loss of n samples, summed.

    Args:
        policy: whose states they are.
        anchors: states of the samples, (n, width), as ``evaluate`` returned them.
        contrasts: what they are contrasted with.
    """
    count = len(contrasts.retold)
    states = policy.represent([*contrasts.retold, *contrasts.apart])
    return triplet_loss(anchors, states[:count], states[count:])
