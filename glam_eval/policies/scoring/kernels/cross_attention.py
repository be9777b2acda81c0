"""Attention of action trees to the encodings of their prompts, all prompts of a batch at once."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable
from torch.nn.utils.rnn import pad_sequence

from glam_eval.policies.scoring.kernels.aten import softmax_gradient
from glam_eval.policies.scoring.packing import Group, lengths_of


class _Attend(torch.autograd.Function):
    """softmax(q e + mask) e for queries (n, m, d) and states e (n, length, d)."""

    @staticmethod
    def forward(
        ctx: Any, queries: torch.Tensor, states: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the averages, (n, m, d), and keep the probabilities."""
        scores = torch.bmm(queries, states.transpose(1, 2))
        scores = scores if mask is None else scores.add_(mask)
        probabilities = torch.softmax(scores, -1, out=scores)
        ctx.save_for_backward(queries, states, probabilities)
        return torch.bmm(probabilities, states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by queries and states."""
        queries, states, probabilities = ctx.saved_tensors
        to_scores = torch.bmm(gradient, states.transpose(1, 2))
        softmax_gradient(to_scores, probabilities)
        to_queries, to_states = torch.bmm(to_scores, states), None
        if ctx.needs_input_grad[1]:
            to_states = torch.bmm(probabilities.transpose(1, 2), gradient)
            to_states.baddbmm_(to_scores.transpose(1, 2), queries)
        return to_queries, to_states, None


class _Pad(torch.autograd.Function):
    """Packed states (T, d) as (n, longest, d), with zeros beyond each prompt's end."""

    @staticmethod
    def forward(ctx: Any, packed: torch.Tensor, lengths: list[int]) -> torch.Tensor:
        """Return the padded states."""
        ctx.lengths = lengths
        return pad_sequence(list(torch.split(packed, lengths)), batch_first=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the gradient by the packed states."""
        return torch.cat([each[:length] for each, length in zip(gradient, ctx.lengths, strict=True)]), None


class CrossAttention:
    """What all layers of a decoder read: encodings of n prompts, on a CPU padded to the longest.

    A prompt has few nodes, so that the padding costs less here than one call for each length.

    Args:
        encoded: packed encodings, (T, d).
        groups: where the prompts lie.
    """

    def __init__(self, encoded: torch.Tensor, groups: Sequence[Group]) -> None:
        device = encoded.device.type
        if torch.is_autocast_enabled(device):
            encoded = encoded.to(torch.get_autocast_dtype(device))
        self.count = sum(group.count for group in groups)
        self._groups, self._encoded = groups, encoded
        self._mask: torch.Tensor | None = None
        if device != "cpu":
            return
        lengths = lengths_of(groups)
        self._states: torch.Tensor = _Pad.apply(encoded, lengths)  # type: ignore[no-untyped-call]
        if len(groups) > 1:
            short = torch.arange(self._states.shape[1]) >= torch.tensor(lengths)[:, None]
            self._mask = encoded.new_zeros(short.shape).masked_fill_(short, -torch.inf)[:, None]

    def __call__(self, queries: torch.Tensor) -> torch.Tensor:
        """Return each prompt's encodings averaged by attention, (n, m, d).

        ``queries`` are m for each of n prompts, in the space of the encodings, (n, m, d).
        """
        if queries.device.type == "cpu":
            with torch.autocast("cpu", enabled=False):
                output: torch.Tensor = _Attend.apply(queries, self._states, self._mask)  # type: ignore[no-untyped-call]
            return output
        mixed = []
        for group in self._groups:
            states = group.split(self._encoded)  # (count, length, d)
            mask = None if group.mask is None else group.mask[:, 0].to(queries.dtype)
            mixed.append(
                F.scaled_dot_product_attention(
                    queries[group.prompts], states, states, attn_mask=mask, scale=1.0
                )
            )
        return torch.cat(mixed)
