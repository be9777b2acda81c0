"""Hidden states of a tree's nodes, each once through its family's blocks; prefixes that are remembered."""

from collections.abc import Sequence
from typing import Any

import torch

from glam_eval.policies.scoring.blocks import is_sharded
from glam_eval.policies.scoring.decoder_only.attention import KeysAndValues, Switch, TreePass
from glam_eval.policies.scoring.decoder_only.layers import speed_up_layers
from glam_eval.policies.scoring.decoder_only.norms import speed_up_norms
from glam_eval.policies.scoring.decoder_only.prefixes import Layout, PrefixTree, Rows
from glam_eval.policies.scoring.decoder_only.recomputed import recompute_blocks
from glam_eval.policies.scoring.packing import Prompt
from glam_eval.policies.scoring.transfer import transferred
from glam_eval.policies.scoring.tree import Actions

MEMORY_BYTES = 2**29  # of remembered keys and values: a rollout's, where one observation is remembered


class PrefixMemory:
    """Prefixes computed without gradients, to be continued while a model's weights stay as they are.

    Args:
        nodes: that are remembered; with more, it begins anew.
    """

    def __init__(self, nodes: int) -> None:
        self._nodes = nodes
        self.tree, self.stored, self.hidden = PrefixTree(), KeysAndValues(), torch.zeros(0)

    def make_room(self) -> None:
        """Forget all if there is more than should be remembered."""
        if len(self.tree) > self._nodes:
            self.tree, self.stored, self.hidden = PrefixTree(), KeysAndValues(), torch.zeros(0)


class CausalTreeEngine:
    """Hidden states of trees of prompts and actions, through the Hugging Face model's own blocks.

    The blocks see one long row of nodes, whose positions are their depths; attention alone knows of the tree.

    Args:
        model: of a family of ``families.CAUSAL_MODELS`` that is not in ``families.WITHOUT_INTERFACE``.
        gradient_checkpointing: compute each block again in the backward pass, which saves memory.
    """

    def __init__(self, model: Any, gradient_checkpointing: bool = False) -> None:
        self.model = model
        self._switch = Switch(model.config)
        speed_up_layers(model, whole=not is_sharded(model))
        if not is_sharded(model):
            speed_up_norms(model)
        if gradient_checkpointing:
            recompute_blocks(model, self._switch)

    def states(
        self, prompts: Sequence[Prompt], actions: Sequence[Actions], memory: PrefixMemory | None = None
    ) -> tuple[torch.Tensor, list[Rows]]:
        """Return the last hidden states of a tree's rows (rows, d_model), and where each prompt's nodes are.

        Args:
            prompts: token ids, each (length,).
            actions: of each prompt.
            memory: of prefixes known already, to which the new ones are added; without gradients alone.
        """
        layout, rows = (PrefixTree() if memory is None else memory.tree).add(prompts, actions)
        if memory is None:
            return self._forward(layout, None), rows
        if len(layout.tokens):
            hidden = self._forward(layout, memory.stored)
            memory.hidden = torch.cat([memory.hidden.to(hidden), hidden]) if layout.first else hidden
        return memory.hidden, rows

    def memory(self) -> PrefixMemory:
        """Return an empty memory; valid as long as the weights stay as they are."""
        config = self.model.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return PrefixMemory(MEMORY_BYTES // (8 * config.num_hidden_layers * heads * width))

    def _forward(self, layout: Layout, stored: KeysAndValues | None) -> torch.Tensor:
        device = self.model.device
        tokens, depths, keys = transferred((layout.tokens, layout.depths, layout.keys), device)
        with self._switch.on(TreePass(layout, keys, stored)):
            hidden: torch.Tensor = self.model.base_model(
                input_ids=tokens[None],
                position_ids=depths[None],
                attention_mask=torch.zeros(1, 1, 1, 1, device=device),  # four axes: no block makes its own
                use_cache=False,
            ).last_hidden_state
        return hidden.squeeze(0)
