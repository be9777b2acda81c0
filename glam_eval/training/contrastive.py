"""The contrastive term of PPO: one situation under two prompts is one state, two situations are two.

A triplet loss as of Aissi et al. (arXiv 2410.19920), on the states that a language model's heads read.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from glam_eval.policies.base import Policy, RepresentingPolicy
from glam_eval.training.rollouts import Rollout

MARGIN = 1.0  # Aissi et al., section 4
Place = tuple[int, int]  # step and slot of a rollout


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


def contrastive_loss(
    policy: RepresentingPolicy,
    anchors: torch.Tensor,
    rollout: Rollout,
    places: Sequence[Place],
    others: Sequence[Place],
) -> torch.Tensor:
    """Return the loss of n samples, summed.

    Args:
        policy: whose states they are.
        anchors: states of the samples, (n, width), as ``evaluate`` returned them.
        rollout: where the samples come from, and what they are retold as.
        places: of the samples.
        others: of another situation for each.
    """
    retold = rollout.retold or rollout.inputs
    same = [retold[step][slot] for step, slot in places]
    other = [rollout.inputs[step][slot] for step, slot in others]
    states = policy.represent([*same, *other])
    return triplet_loss(anchors, states[: len(same)], states[len(same) :])
