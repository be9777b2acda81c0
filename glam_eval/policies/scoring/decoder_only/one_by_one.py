"""Each prompt through the Hugging Face model, then its actions off the cache: where blocks see no trees."""

from typing import Any

import torch
from transformers import DynamicCache

from glam_eval.policies.scoring.decoder_only.logits import causal_logits
from glam_eval.policies.scoring.packing import Group, PackedPrompts
from glam_eval.policies.scoring.tree import ActionTrees


class CausalEngine:
    """Hidden states of packed prompts' action trees for the families of ``families.CAUSAL_MODELS``.

    The root is the prompt's last token; every other node is fed once, sees the prompt and its ancestors,
    and has the position that follows from its depth.

    Args:
        model: a Hugging Face model of one of these families.

    Raises:
        UserError: if its attention is to a sliding window.
    """

    start_token = 0  # the root's token is the prompt's last, so this one is never fed
    padding = 0.05

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        """Return the last hidden states at the trees' nodes, (n, N, d_model)."""
        return torch.cat([self._group(group, prompts, trees) for group in prompts.groups])

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the output projection (..., vocabulary) of last hidden states (..., d_model)."""
        return causal_logits(self.model, hidden)

    def _group(self, group: Group, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        ids = group.split(prompts.tokens)
        real = torch.ones_like(ids, dtype=torch.bool) if group.mask is None else group.mask[:, 0, 0] == 0
        lengths = real.sum(1)
        cache = DynamicCache()  # every layer keeps all: inputs are no longer than a window
        states = self.model.base_model(
            input_ids=ids, attention_mask=real.long(), past_key_values=cache, use_cache=True
        ).last_hidden_state
        root: torch.Tensor = states[torch.arange(group.count, device=ids.device), lengths - 1]
        rows = slice(None) if len(trees.tokens) == 1 else group.prompts
        tokens = trees.tokens[rows, 1:].expand(group.count, -1)
        if not tokens.shape[1]:
            return root[:, None]
        below = self.model.base_model(
            input_ids=tokens,
            attention_mask=self._mask(real, trees.visible[rows, 1:, 1:], states.dtype),
            position_ids=lengths[:, None] + trees.depths[rows, 1:] - 1,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return torch.cat([root[:, None], below], dim=1)

    @staticmethod
    def _mask(real: torch.Tensor, visible: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return (count, 1, M, length + M): 0 where a node may look, at the prompt and its ancestors."""
        count, nodes = len(real), visible.shape[-1]
        prompt = real[:, None].expand(-1, nodes, -1)
        allowed = torch.cat([prompt, visible.expand(count, -1, -1)], dim=2)[:, None]
        return torch.zeros(allowed.shape, dtype=dtype, device=real.device).masked_fill(
            ~allowed, torch.finfo(dtype).min
        )
