"""Evaluation by a policy whose weights stay as they are: every distinct input once.

While an agent walks into a wall its prompt stays the same; in a small room most prompts of a rollout have
been seen before.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import torch

from glam_eval.policies.base import Policy, PolicyOutput, PrefixSharingPolicy


class RecallingPolicy:
    """Answers for a policy without gradient; valid until its weights change."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._evaluate = policy.frozen() if isinstance(policy, PrefixSharingPolicy) else policy.evaluate
        self._known: dict[Hashable, tuple[torch.Tensor, torch.Tensor]] = {}

    @torch.no_grad()
    def evaluate(self, inputs: Sequence[Any], memory: torch.Tensor | None = None) -> PolicyOutput:
        """Return what the policy's ``evaluate`` returns, from memory where an input was met before."""
        keys = [self._policy.key(each) for each in inputs]
        if memory is not None or None in keys:
            return self._policy.evaluate(inputs, memory)
        fresh = {key: each for key, each in zip(keys, inputs, strict=True) if key not in self._known}
        if fresh:
            output = self._evaluate(list(fresh.values()))
            rows = zip(output.log_probabilities, output.values, strict=True)
            self._known.update(zip(fresh, rows, strict=True))
        scores, values = zip(*(self._known[key] for key in keys), strict=True)
        if len({len(row) for row in scores}) > 1:
            padded = torch.nn.utils.rnn.pad_sequence(list(scores), batch_first=True, padding_value=-torch.inf)
            return PolicyOutput(padded, torch.stack(values))
        return PolicyOutput(torch.stack(scores), torch.stack(values))
