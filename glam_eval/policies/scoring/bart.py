"""BART's forward pass over packed prompts and action trees, through the Hugging Face module."""

from typing import Any

import torch
import torch.nn.functional as F

from glam_eval.policies.scoring.packing import Group, PackedPrompts
from glam_eval.policies.scoring.tree import ActionTrees


class BartEngine:
    """Hidden states of packed prompts' action trees: the encoder once a prompt, the decoder once a tree.

    Args:
        model: a ``BartForConditionalGeneration``.
    """

    padding = 0.05

    def __init__(self, model: Any) -> None:
        self.model = model
        self.start_token = int(model.config.decoder_start_token_id)

    def __call__(self, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        """Return the decoder's last hidden states at the trees' nodes, (n, N, d_model)."""
        return torch.cat([self._group(group, prompts, trees) for group in prompts.groups])

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the output projection (..., vocabulary) of last hidden states (..., d_model)."""
        logits: torch.Tensor = self.model.lm_head(hidden) + self.model.final_logits_bias
        return logits

    def _group(self, group: Group, prompts: PackedPrompts, trees: ActionTrees) -> torch.Tensor:
        ids = group.split(prompts.tokens)
        real = torch.ones_like(ids) if group.mask is None else (group.mask[:, 0, 0] == 0).long()
        encoded = self.model.model.encoder(input_ids=ids, attention_mask=real).last_hidden_state
        rows = slice(None) if len(trees.tokens) == 1 else group.prompts
        visible = trees.visible[rows, None].expand(group.count, -1, -1, -1)
        mask = torch.zeros(visible.shape, dtype=encoded.dtype, device=ids.device)
        states: torch.Tensor = self.model.model.decoder(
            inputs_embeds=self._embedded(trees, rows).expand(group.count, -1, -1),
            attention_mask=mask.masked_fill(~visible, torch.finfo(mask.dtype).min),
            encoder_hidden_states=encoded,
            encoder_attention_mask=real,
            use_cache=False,
        ).last_hidden_state
        return states

    def _embedded(self, trees: ActionTrees, rows: slice) -> torch.Tensor:
        """Return the nodes' embeddings (g, N, d_model), to which the decoder adds positions in a row.

        A node's position is its depth: its own is added here, and the one that the decoder adds taken away.
        """
        decoder = self.model.model.decoder
        positions, offset = decoder.embed_positions.weight, decoder.embed_positions.offset
        in_a_row = torch.arange(trees.depths.shape[1], device=positions.device)
        moved = F.embedding(trees.depths[rows] + offset, positions) - F.embedding(
            in_a_row + offset, positions
        )
        embedded: torch.Tensor = decoder.embed_tokens(trees.tokens[rows]) + moved
        return embedded
